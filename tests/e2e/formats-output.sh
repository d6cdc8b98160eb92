#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Output files are whole or not there, belong to who asked, and go straight into what is no file.
# Environment: WICK, the program (default: that of BUILD).
given=${WICK:-}
. "$(dirname "$0")/lib.sh"
WICK=${given:-$WICK}
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cp "$tree/tests/fuzz/corpus/pprof/sample.pb.gz" "$tmp/in.pb.gz"
cd "$tmp"

# refuses REGEX ARG..: exit status 1 and one line that says why; no file is left behind, no old one changed.
refuses()
{
	local status=0 regex=$1

	shift
	"$WICK" "$@" >out 2>wick.err || status=$?
	[ "$status" = 1 ] || fail "'wick $*' exited with $status"
	grep -Eq "^wick: .*$regex" wick.err || fail "'wick $*' does not say '$regex'"
	[ -z "$(find . -name '.wick-*')" ] || fail "'wick $*' leaves a temporary file"
}

"$WICK" convert in.pb.gz -o want.folded

# An old file is replaced; its other names keep the old content: it was not written into.
echo old >a.folded
ln a.folded other
"$WICK" convert in.pb.gz -o a.folded
cmp -s a.folded want.folded || fail "an old file is not replaced"
[ "$(cat other)" = old ] || fail "an old file is written into"
[ "$(stat -c %a a.folded)" = "$(printf %o $((0644 & ~$(umask))))" ] || fail "mode $(stat -c %a a.folded)"

# A symbolic link is replaced, not followed.
echo precious >target
ln -s target link.folded
"$WICK" convert in.pb.gz -o link.folded
[ "$(cat target)" = precious ] || fail "a symbolic link is followed"
cmp -s link.folded want.folded || fail "a symbolic link is not replaced"

# What is no file: standard output in its forms, a FIFO in the format of its name, /dev/null.
"$WICK" convert in.pb.gz -o - | cmp -s - want.folded || fail "-o -"
"$WICK" convert in.pb.gz -o /dev/stdout >stdout
cmp -s stdout want.folded || fail "-o /dev/stdout into a file"
"$WICK" convert in.pb.gz -o /dev/stdout | cmp -s - want.folded || fail "-o /dev/stdout into a pipe"
[ -L /dev/stdout ] || fail "/dev/stdout was replaced"
mkfifo fifo.pb
cat fifo.pb >fifo.out &
reader=$!
"$WICK" convert in.pb.gz -o fifo.pb
wait "$reader"
[ -p fifo.pb ] || fail "a FIFO was replaced"
"$WICK" convert fifo.out -o - | cmp -s - want.folded || fail "what came out of the FIFO"
"$WICK" convert in.pb.gz -o /dev/null
[ -c /dev/null ] || fail "/dev/null was replaced"

# Each failure says why.
mkdir directory.pb
refuses 'is a directory' convert in.pb.gz -o directory.pb
refuses 'No such file or directory' convert in.pb.gz -o missing/a.pb
refuses 'No space left' convert in.pb.gz -o /dev/full
refuses 'is a directory|Is a directory' convert . -o a.pb
refuses 'No such file' convert missing.pb -o a.pb
refuses 'not a profile: line 1' convert /bin/sh -o a.folded
cmp -s a.folded want.folded || fail "a failure changed the old file"
head -c 100 in.pb.gz >short.pb.gz
refuses 'damaged: gzip data cut short after 100 bytes' report short.pb.gz
"$WICK" convert in.pb.gz -o in.pb
refuses 'sample types are not those' convert in.pb want.folded -o a.pb

# A reader that has gone away is an error like any other, for data and for text.
for command in "convert in.pb.gz -o -" "report in.pb.gz" "dump profile in.pb.gz"; do
	status=$(
		{
			until [ -e gone ]; do sleep 0.01; done
			# shellcheck disable=SC2086
			"$WICK" $command 2>wick.err || echo $? >status
		} | {
			exec <&-
			touch gone
		}
		cat status
	)
	rm -f gone status
	[ "$status" = 1 ] || fail "'wick $command' into a closed pipe exited with $status"
	grep -q '^wick: .*Broken pipe' wick.err || fail "'wick $command' does not say 'Broken pipe'"
done

if [ "$(id -u)" = 0 ]; then
	SUDO_UID=12345 SUDO_GID=12346 "$WICK" convert in.pb.gz -o owned.pb.gz
	[ "$(stat -c %u:%g owned.pb.gz)" = 12345:12346 ] || fail "under sudo the file is $(stat -c %u:%g owned.pb.gz)'s"
	# Room for a part only: the old file stays, nothing else.
	mkdir small
	if mount -t tmpfs -o size=4k,nr_inodes=8 tmpfs small 2>/dev/null; then
		at_exit+=("umount '$tmp/small'")
		echo old >small/a.html
		refuses 'No space left' convert in.pb.gz -o small/a.html
		[ "$(cat small/a.html)" = old ] || fail "a full disk cost the old file"
		mount -o remount,ro "$tmp/small"
		refuses 'Read-only file system' convert in.pb.gz -o small/a.pb
	fi
fi
echo "files are whole, owned and in place; failures are said"
