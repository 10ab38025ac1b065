#!/bin/bash
# SLURM of two nodes on this machine, and what docs/cluster.md says of it, for real; takes about ten minutes.
#
#     make test-slurm
#
# As root, on Debian with `apt-get install slurm-wlm munge`. No service is touched: the daemons are this script's own, with files
# in a folder of its own, and end with it. `retinoscope` is the one found in PATH.
set -eu

for program in munged slurmctld slurmd retinoscope; do
    command -v "$program" > /dev/null || { echo "$program is not there: apt-get install slurm-wlm munge; make test-slurm"; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "slurmd starts jobs as their users: run this as root"; exit 2; }

place=$(mktemp -d)
chmod 755 "$place" # munged wants a socket that all can reach
export SLURM_CONF=$place/slurm.conf OMP_NUM_THREADS=1

stop() {
    scancel --user="$(id -u)" 2> /dev/null || true
    sleep 2
    for file in "$place"/*.pid; do
        [ -f "$file" ] && kill "$(cat "$file")" || true
    done
    sleep 2
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 130' INT TERM

begin() { echo "== $*"; }
fail() { echo "FAILED: $*"; exit 1; }
none_left() {
    for _ in $(seq 60); do
        [ -z "$(squeue --noheader)" ] && return
        sleep 1
    done
    fail "jobs are left: $(squeue)"
}
wait_for() { # a path
    for _ in $(seq 600); do
        [ -e "$1" ] && return
        sleep 0.5
    done
    fail "$1 does not appear"
}
same() {
    python - "$@" << 'PYTHON'
import sys, retinoscope
one, other = map(retinoscope.open, sys.argv[1:])
assert one.attributes == other.attributes and one.rows().identical(other.rows()), "differ"
print("equal:", one, other)
PYTHON
}

begin "starting $(slurmd -V)"
cat > "$SLURM_CONF" << CONF
ClusterName=here
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$place/munge.socket
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/%n
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/%n.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/%n.log
SlurmctldPort=16817
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=one NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=17001 CPUs=2 RealMemory=10000
NodeName=two NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=17002 CPUs=2 RealMemory=10000
PartitionName=normal Nodes=one,two Default=YES MaxTime=INFINITE State=UP
CONF
cd "$place"
mkdir state one two
head -c 1024 /dev/urandom > munge.key
chmod 400 munge.key
munged --key-file="$place/munge.key" --socket="$place/munge.socket" --pid-file="$place/munged.pid" \
    --log-file="$place/munged.log" --seed-file="$place/munge.seed"
slurmctld -c
slurmd -N one
slurmd -N two
for _ in $(seq 30); do sinfo --noheader --states=idle | grep -q '\b2\b' && break || sleep 1; done
sinfo

recording=(digits --frames 4000 --environments 4 --batch 1 --block-frames 128)
retinoscope record "${recording[@]}" --out whole.zarr

begin "a job array, one task of it cancelled and the array submitted again"
cat > array.sh << SCRIPT
#!/bin/bash
#SBATCH --array=1-2
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=04:00:00
srun retinoscope record ${recording[@]} --part \${SLURM_ARRAY_TASK_ID}/2 --workers 1 --out $place/parts
SCRIPT
job=$(sbatch --parsable array.sh)
wait_for parts/part-2-of-2.zarr/reward/c
scancel "${job}_2"
none_left
retinoscope join parts && fail "an unfinished part was joined"
sbatch --wait array.sh
retinoscope join parts
same parts whole.zarr

begin "record --cluster, all its jobs cancelled amid it"
cat > cluster.yaml << YAML
jobs: 2
queue: normal
cores: 1
processes: 1
memory: 2GB
walltime: "00:30:00"
YAML
retinoscope record "${recording[@]}" --parts 4 --cluster slurm:cluster.yaml --out shared &
wait_for shared/part-1-of-4.zarr/reward/c
squeue
scancel --name=dask-worker
wait $! || fail "it did not go on"
none_left
same shared whole.zarr

begin "record --cluster, asked to end"
retinoscope record "${recording[@]}" --parts 4 --cluster slurm:cluster.yaml --out ended &
wait_for ended/part-1-of-4.zarr/reward/c
kill -TERM $!
wait $! && fail "exit code 0" || [ $? = 130 ] || fail "not exit code 130"
none_left

begin "a queue that is not there"
sed 's/normal/nowhere/' cluster.yaml > nowhere.yaml
retinoscope evaluate random --episodes 2 --cluster slurm:nowhere.yaml && fail "exit code 0" || [ $? = 2 ] || fail "not exit code 2"
none_left

begin "a training that is sent SIGTERM as its time is over, and submitted again"
cat > train.sh << SCRIPT
#!/bin/bash
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
srun retinoscope train digits --frames \$1 --workers 1 --out $place/run
SCRIPT
job=$(sbatch --parsable train.sh 3e8)
for _ in $(seq 600); do awk -F, 'END { exit !($1 > 20000) }' run/learning_curve.csv 2> /dev/null && break || sleep 0.5; done
scancel --signal=TERM "$job" # what `--signal=TERM@120` sends: to the job's steps, not to its script
none_left
saved=$(cd run/checkpoint_p0 && ls checkpoint_*.pth | tail -n 1)
echo "saved: $saved"
frames=${saved##*_}
[ "${frames%.pth}" -gt 0 ] || fail "what was learned is not saved"
sbatch --wait train.sh $((${frames%.pth} + 8000))
[ ! "run/checkpoint_p0/$saved" -ef "$(ls run/checkpoint_p0/*.pth | tail -n 1)" ] || fail "it did not go on"
grep -q "self.env_steps=${frames%.pth}" run/sf_log.txt || fail "it began anew"

begin "a sweep"
cat > plan.yaml << YAML
scenario: apples
training: {frames: 8e3, workers: 1, environments_per_worker: 4, batch_size: 128, rollout: 16}
grid: {seed: [0, 1]}
evaluate: {episodes: 2}
YAML
retinoscope sweep plan.yaml --cluster slurm:cluster.yaml --out sweep
[ "$(grep -c ',done,' sweep/table.csv)" = 2 ] || fail "not both are done"
none_left

begin "all as it should be"
