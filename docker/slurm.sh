#!/usr/bin/env bash
# slurm.sh start DIR: runs a Slurm of one node, with all it writes in DIR, on free ports of this machine only and as the
#   user who calls: munged, slurmctld, slurmd. Afterwards SLURM_CONF=DIR/slurm.conf makes sbatch and the others use it.
# slurm.sh stop DIR: ends it.
# slurm.sh install: installs Debian's packages slurmctld, slurmd, slurm-client and munge, as root, without their services.
#   The tests do so by themselves only where CI=true.
set -euo pipefail
task=$1 dir=${2:-}
PATH=$PATH:/usr/sbin:/sbin

end() { # by the number in a file, and waits for it
	local pid
	pid=$(cat "$1" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || return 0
	for _ in {1..100}; do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
}

case $task in
install)
	apt-get update --quiet
	DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends slurmctld slurmd slurm-client munge
	;;
start)
	mkdir -p "$dir"/{state,spool,log}
	dir=$(cd "$dir" && pwd)
	chmod 700 "$dir"
	cores=$(getconf _NPROCESSORS_ONLN) user=$(id -un) host=$(hostname -s)
	# two ports that nobody listens on
	read -r controller node < <(python3 -c 'import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
	head -c 1024 /dev/urandom >"$dir/munge.key"
	chmod 600 "$dir/munge.key"
	munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
		--log-file="$dir/log/munged.log" --seed-file="$dir/munge.seed"
	# Jobs may use twice the cores that there are, since tests wait more than they compute. cred_expire: a job that returns
	# to the queue waits until its last credential has expired.
	cat >"$dir/slurm.conf" <<-END
		ClusterName=test
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$controller
		SlurmdPort=$node
		SlurmUser=$user
		SlurmdUser=$user
		AuthType=auth/munge
		AuthInfo=socket=$dir/munge.socket,cred_expire=5
		CredType=cred/munge
		StateSaveLocation=$dir/state
		SlurmdSpoolDir=$dir/spool
		SlurmctldPidFile=$dir/slurmctld.pid
		SlurmdPidFile=$dir/slurmd.pid
		SlurmctldLogFile=$dir/log/slurmctld.log
		SlurmdLogFile=$dir/log/slurmd.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SwitchType=switch/none
		MpiDefault=none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=2
		KillWait=10
		MinJobAge=5
		ReturnToService=2
		SlurmdParameters=config_overrides
		NodeName=$host NodeAddr=127.0.0.1 CPUs=$((2 * cores)) State=UNKNOWN
		PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
	END
	SLURM_CONF=$dir/slurm.conf slurmctld
	SLURM_CONF=$dir/slurm.conf slurmd
	for _ in {1..100}; do
		SLURM_CONF=$dir/slurm.conf sinfo --noheader --format=%t 2>/dev/null | grep -q idle && exit 0
		sleep 0.2
	done
	tail -n 20 "$dir"/log/*.log >&2
	echo "slurm: the node is not ready after 20 s: see above" >&2
	exit 1
	;;
stop)
	end "$dir/slurmd.pid"
	end "$dir/slurmctld.pid"
	end "$dir/munged.pid"
	;;
*)
	echo "usage: slurm.sh install | start DIR | stop DIR" >&2
	exit 2
	;;
esac
