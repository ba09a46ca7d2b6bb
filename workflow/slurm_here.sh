#!/usr/bin/env bash
# A Slurm of one node and one partition on this machine (Debian or Ubuntu, as root), to try the Slurm profile without a
# cluster:
#
#   bash workflow/slurm_here.sh start     install what is missing, start munged, slurmctld and slurmd
#   bash workflow/slurm_here.sh die       kill slurmd and all that runs on it, as a node that dies
#   bash workflow/slurm_here.sh back      the node comes back; Snakemake sends again what was on it
#   bash workflow/slurm_here.sh stop      end the three daemons
#
# It writes /etc/slurm/slurm.conf and refuses to replace one that it did not write.
set -euo pipefail

CONF=/etc/slurm/slurm.conf
MARK="# written by ldl's workflow/slurm_here.sh"
HOST=$(hostname -s)

running() { pgrep -x "$1" >/dev/null; }

configure() {
    if [ -e "$CONF" ] && ! grep -qF "$MARK" "$CONF"; then
        echo "$CONF belongs to a cluster; not replaced" >&2
        exit 1
    fi
    mkdir -p /etc/slurm /var/spool/slurmctld /var/spool/slurmd /var/log/slurm
    cat >"$CONF" <<END
$MARK
ClusterName=here
SlurmctldHost=$HOST
SlurmUser=root
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=20
MinJobAge=3600
JobRequeue=1
NodeName=$HOST CPUs=$(nproc) RealMemory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo) State=UNKNOWN
PartitionName=here Nodes=$HOST Default=YES MaxTime=INFINITE State=UP
END
}

start() {
    command -v slurmctld munged >/dev/null || apt-get install -y -q slurm-wlm munge
    configure
    mkdir -p /run/munge && chown munge:munge /run/munge
    running munged || runuser -u munge -- /usr/sbin/munged
    running slurmctld || slurmctld
    running slurmd || slurmd
    for _ in $(seq 30); do
        sinfo -h -o %T 2>/dev/null | grep -qE 'idle|mixed|allocated' && break
        sleep 1
    done
    sinfo
}

case "${1:-start}" in
start) start ;;
die)
    # The steps first: a dead node takes its jobs with it, and its daemon tells nobody.
    pkill -KILL -x slurmd || true
    for step in $(pgrep -x slurmstepd); do
        pkill -KILL -P "$step" || true
        kill -KILL "$step" || true
    done
    ;;
back) slurmd ;;
stop)
    pkill -x slurmd || true
    pkill -x slurmctld || true
    pkill -x munged || true
    ;;
*) sed -n '2,10p' "$0" ;;
esac
