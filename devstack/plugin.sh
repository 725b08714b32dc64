#!/bin/bash
#
# DevStack plugin: iovisor-agent instead of ovn-controller and ovs-vswitchd, iovisor-coordinator beside northd.
# DevStack sources this file once a phase, in its own shell, with the phase as arguments.

# Units of which DevStack's ovn_agent thinks that it starts them. A condition that is false makes systemd skip them
# and call that a success, so that nothing of DevStack has to be replaced.
IOVISOR_OVN_REPLACED=(ovs-vswitchd.service ovn-controller.service)
IOVISOR_OVN_DROPIN=50-iovisor-ovn-devstack.conf

function iovisor_ovn_check {
    if [[ "${OVN_BUILD_FROM_SOURCE:-False}" == "True" ]]; then
        die $LINENO "iovisor-ovn: OVN_BUILD_FROM_SOURCE=True has units of its own for ovs-vswitchd; use the distribution's packages"
    fi
    if is_service_enabled ovn-controller-vtep; then
        die $LINENO "iovisor-ovn: vtep ports are not supported; disable_service ovn-controller-vtep"
    fi
    if [[ -z "$IOVISOR_OVN_PACKAGES" ]] && ! iovisor_ovn_node_is_new_enough; then
        die $LINENO "iovisor-ovn: IOVISOR_OVN_NODE must name Node 20.19 or later, or IOVISOR_OVN_PACKAGES a directory of packages"
    fi
}

function iovisor_ovn_node_is_new_enough {
    [[ -n "$IOVISOR_OVN_NODE" ]] && "$IOVISOR_OVN_NODE" -e \
        'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

function iovisor_ovn_install {
    if [[ -n "$IOVISOR_OVN_PACKAGES" ]]; then
        local name debs=()
        for name in common coordinator agent iovctl; do
            debs+=("$IOVISOR_OVN_PACKAGES"/iovisor-ovn-"${name}"_*.deb)
        done
        sudo apt-get install -y "${debs[@]}"
    else
        # As root, since it installs Debian packages; it starts none of their services.
        (cd "$IOVISOR_OVN_DIR" && sudo env "PATH=$(dirname "$IOVISOR_OVN_NODE"):$PATH" "$IOVISOR_OVN_NODE" setup/setup.mjs)
    fi
}

# Prints how to run one of our programs: iovisor_ovn_program agent iovisor-agent
function iovisor_ovn_program {
    if [[ -n "$IOVISOR_OVN_PACKAGES" ]]; then
        command -v "$2" || die $LINENO "iovisor-ovn: $2 is not installed"
    else
        echo "$IOVISOR_OVN_NODE $IOVISOR_OVN_DIR/$1/bin/$2.js"
    fi
}

# Prints the TLS options, or, without certificates, the flag $1 that says so.
function iovisor_ovn_tls_options {
    if [[ -n "$IOVISOR_OVN_TLS_DIR" ]]; then
        echo "--tls-cert $IOVISOR_OVN_TLS_DIR/cert.pem --tls-key $IOVISOR_OVN_TLS_DIR/key.pem --tls-ca $IOVISOR_OVN_TLS_DIR/ca.pem"
    else
        echo "$1"
    fi
}

function iovisor_ovn_replace_stock {
    local unit
    for unit in "${IOVISOR_OVN_REPLACED[@]}"; do
        sudo mkdir -p "$SYSTEMD_DIR/$unit.d"
        printf '[Unit]\n# iovisor-agent does its work.\nConditionPathExists=/nonexistent\n' |
            sudo tee "$SYSTEMD_DIR/$unit.d/$IOVISOR_OVN_DROPIN" >/dev/null
    done
    $SYSTEMCTL daemon-reload
    for unit in "${IOVISOR_OVN_REPLACED[@]}"; do
        $SYSTEMCTL stop "$unit" || true
    done
    # The kernel's data path of Open vSwitch would keep the devices.
    sudo ovs-dpctl del-dp ovs-system 2>/dev/null || true
}

function iovisor_ovn_restore_stock {
    local unit
    for unit in "${IOVISOR_OVN_REPLACED[@]}"; do
        sudo rm -f "$SYSTEMD_DIR/$unit.d/$IOVISOR_OVN_DROPIN"
    done
    $SYSTEMCTL daemon-reload
}

function iovisor_ovn_start_coordinator {
    local options
    options="--nb $OVN_NB_REMOTE --sb $OVN_SB_REMOTE --listen $IOVISOR_OVN_LISTEN --log-level $IOVISOR_OVN_LOG_LEVEL"
    options+=" $(iovisor_ovn_tls_options --insecure-listen-plaintext)"
    if is_service_enabled tls-proxy; then
        options+=" --db-cert $INT_CA_DIR/$DEVSTACK_CERT_NAME.crt --db-key $INT_CA_DIR/private/$DEVSTACK_CERT_NAME.key"
        options+=" --db-ca $INT_CA_DIR/ca-chain.pem"
    fi
    run_process iovisor-coordinator "$(iovisor_ovn_program coordinator iovisor-coordinator) $options"
}

function iovisor_ovn_start_agent {
    local options
    options="--coordinator $IOVISOR_OVN_COORDINATOR --ovsdb unix:${OVS_RUNDIR:-/var/run/openvswitch}/db.sock"
    options+=" --log-level $IOVISOR_OVN_LOG_LEVEL $(iovisor_ovn_tls_options --insecure-plaintext)"
    run_process iovisor-agent "$(iovisor_ovn_program agent iovisor-agent) $options" "" root
}

# Before DevStack starts OVN: its ovs-vsctl waits for somebody who answers as ovs-vswitchd does. Both daemons
# wait for databases, system-id and each other.
function iovisor_ovn_start {
    if is_service_enabled iovisor-agent; then
        iovisor_ovn_replace_stock
        iovisor_ovn_start_agent
    fi
    if is_service_enabled iovisor-coordinator; then
        iovisor_ovn_start_coordinator
    fi
}

function iovisor_ovn_stop {
    if is_service_enabled iovisor-coordinator; then
        stop_process iovisor-coordinator
    fi
    if is_service_enabled iovisor-agent; then
        stop_process iovisor-agent
        # A stopped agent leaves the data plane forwarding; here nothing shall be left.
        # shellcheck disable=SC2046  # program and script are two words
        sudo $(iovisor_ovn_program agent iovisor-agent) --cleanup || true
        iovisor_ovn_restore_stock
    fi
}

function iovisor_ovn_clean {
    if [[ -n "$IOVISOR_OVN_PACKAGES" ]]; then
        sudo apt-get purge -y iovisor-ovn-agent iovisor-ovn-coordinator iovisor-ovn-iovctl iovisor-ovn-common || true
    fi
    iovisor_ovn_restore_stock
}

if is_service_enabled iovisor-coordinator iovisor-agent; then
    case "$1 ${2:-}" in
        "stack pre-install") iovisor_ovn_check ;;
        "stack install")
            echo_summary "Installing IOVisor-OVN"
            iovisor_ovn_install
            ;;
        "stack post-config")
            echo_summary "Starting IOVisor-OVN"
            iovisor_ovn_start
            ;;
        "unstack "*) iovisor_ovn_stop ;;
        "clean "*) iovisor_ovn_clean ;;
    esac
fi
