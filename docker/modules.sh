#!/usr/bin/env bash
# Builds a module as GoNB makes one for a cell, once and with the network, so that every go.mod it needs is on disk afterwards:
# `go get` reads more of the module graph than `go build` does.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
unset GOWORK # the user's own work space has no say here
cell=$(mktemp -d)
trap 'rm -rf "$cell"' EXIT
cd "$cell"
go mod init cell
go work init
go work use . "$root"
go mod edit -replace "darkfield=$root"
{
	echo 'package main'
	(cd "$root" && go list -f '{{if and .GoFiles (ne .Name "main")}}import _ "{{.ImportPath}}"{{end}}' ./pkg/...)
	echo 'func main() {}'
} >main.go
go get
go build -o cell .
