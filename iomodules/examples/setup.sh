#!/bin/sh
# Makes the namespaces and veth pairs of an example: setup.sh FILE [delete]. See README.md.
set -eu

pair() { # number, address or "", gateway or ""
	ip netns add "ns$1"
	ip link add "veth$1" type veth peer name "veth$1_" netns "ns$1"
	ip link set "veth$1" up
	ip -n "ns$1" link set lo up
	ip -n "ns$1" link set "veth$1_" up
	[ -z "$2" ] || ip -n "ns$1" address add "$2" dev "veth$1_"
	[ -z "$3" ] || ip -n "ns$1" route add default via "$3"
}

if [ "${2-}" = delete ]; then
	for number in 1 2 3; do
		# The namespace would take it along, but later.
		ip link delete "veth$number" 2>/dev/null || true
		ip netns delete "ns$number" 2>/dev/null || true
	done
	exit 0
fi

case "$(basename "${1-}" .yaml)" in
switch)
	pair 1 10.0.0.1/24 ""
	pair 2 10.0.0.2/24 ""
	;;
router)
	for number in 1 2 3; do
		pair "$number" "10.0.$number.100/24" "10.0.$number.1"
	done
	;;
dhcp)
	for number in 1 2 3; do
		pair "$number" "" ""
	done
	;;
nat_router)
	pair 1 10.0.1.1/24 10.0.1.254
	pair 2 10.0.2.1/24 10.0.2.254
	pair 3 10.10.1.1/24 10.10.1.100
	;;
nat-one-to-one_router)
	pair 1 10.0.1.1/24 10.0.1.254
	pair 2 10.0.1.2/24 10.0.1.254
	pair 3 10.10.1.1/24 10.10.1.254
	;;
null)
	pair 1 10.0.0.1/24 ""
	;;
*)
	echo "usage: setup.sh FILE [delete], FILE is one of the examples" >&2
	exit 1
	;;
esac
