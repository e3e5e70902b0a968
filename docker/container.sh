#!/usr/bin/env bash
# container.sh DIR: builds the image of Dockerfile and runs it, as root, with Debian's own tools and without a registry
# of images: a base from debootstrap with this machine's Go and certificates, and buildah, whose chroot isolation needs
# neither namespaces of users nor a daemon. Everything lies in DIR, gigabytes of it, and stays there: a second call
# builds only what has changed. Then, inside the image and as its user: JupyterLab answers to its token alone, at the
# project's root and with the Go kernel, and make reproduce PRESET=smoke runs. PJRT=cuda13 builds the image for GPUs.
#
# Takes half an hour, most of it for the base and the set-up. Needs the packages buildah, debootstrap and curl.
set -euo pipefail
[ $# = 1 ] || {
	echo "usage: container.sh DIR" >&2
	exit 2
}
for tool in buildah debootstrap curl go; do
	command -v $tool >/dev/null || [ -x /usr/sbin/$tool ] || {
		echo "container: no $tool: apt install buildah debootstrap curl, and Go as make setup wants it" >&2
		exit 1
	}
done
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION=chroot
b() { buildah --root "$dir/storage" --runroot "$dir/run" "$@"; }
say() { printf 'container: %s (%d s)\n' "$1" $SECONDS; }

if ! b images --quiet localhost/base >/dev/null 2>&1; then
	if [ ! -f "$dir/base.done" ]; then
		rm -rf "$dir/base"
		/usr/sbin/debootstrap --variant=minbase bookworm "$dir/base" >"$dir/debootstrap.log"
		touch "$dir/base.done"
	fi
	base=$(b from scratch)
	b copy --quiet "$base" "$dir/base" /
	b copy --quiet "$base" "$(go env GOROOT)" /usr/local/go
	b copy --quiet "$base" /etc/ssl/certs/ca-certificates.crt /usr/local/share/site.crt
	b config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		--env SSL_CERT_FILE=/usr/local/share/site.crt --env PIP_CERT=/usr/local/share/site.crt "$base"
	b commit --quiet --rm "$base" localhost/base
	say 'base image made'
fi

b build --quiet --layers --network host --ignorefile docker/Dockerfile.dockerignore --build-arg BASE=localhost/base \
	--build-arg PJRT="${PJRT:-wheel}" -f docker/Dockerfile -t localhost/darkfield . >"$dir/build.log" 2>&1 || {
	tail -n 30 "$dir/build.log" >&2
	echo "container: the image was not built: see above and $dir/build.log" >&2
	exit 1
}
b images --format '{{.Name}}: {{.Size}}'
say 'image built'

box=$(b from localhost/darkfield)
lab=
finish() {
	[ -z "$lab" ] || kill -- "-$lab" 2>/dev/null || true
	b rm "$box" >/dev/null
}
trap finish EXIT
inside() { b run --network host "$box" -- "$@"; }

[ "$(inside id -u)" = 1000 ] || {
	echo 'container: its user is root' >&2
	exit 1
}
inside .tools/bin/darkfield dev verify >/dev/null
say 'its user is no root; darkfield dev verify passes'

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
token=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
mapfile -t command < <(b inspect --format '{{range .OCIv1.Config.Cmd}}{{println .}}{{end}}' "$box" | sed '/^$/d')
set -m # a process group of its own, to be ended as one
inside "${command[@]/--ip=0.0.0.0/--ip=127.0.0.1}" --port="$port" --IdentityProvider.token="$token" >"$dir/lab.log" 2>&1 &
lab=$!
set +m
url=http://127.0.0.1:$port
status() { curl --silent --output "$dir/answer" --write-out '%{http_code}' "$@"; }
for _ in {1..120}; do
	[ "$(status "$url/api/contents?token=$token")" != 200 ] || break
	sleep 1
done
[ "$(status "$url/api/contents?token=$token")" = 200 ] || {
	tail -n 30 "$dir/lab.log" >&2
	echo "container: JupyterLab did not answer within two minutes" >&2
	exit 1
}
for name in notebooks pkg README.md; do
	grep -q "\"path\": *\"$name\"" "$dir/answer" || {
		echo "container: JupyterLab does not show $name of the project's root" >&2
		exit 1
	}
done
[ "$(status "$url/api/contents")" = 403 ] || {
	echo 'container: JupyterLab answers without a token' >&2
	exit 1
}
status "$url/api/kernelspecs?token=$token" >/dev/null
grep -q '"gonb"' "$dir/answer" || {
	echo 'container: JupyterLab has no Go kernel' >&2
	exit 1
}
kill -- "-$lab" 2>/dev/null || true
lab=
say 'JupyterLab answers to its token alone, at the root of the project'

inside make reproduce PRESET=smoke
say 'make reproduce PRESET=smoke has run'
