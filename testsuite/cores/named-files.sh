#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A file named by the core is a stranger's word: FIFOs, devices, huge files, links to secrets, files that are not
# Python's are not opened, whether a frame or a mapping names them, and the user is told.
. "$top_srcdir/testsuite/cores/common.sh"
python=$(need_python system 3.11 3.12 3.10 3.13 3.9 3.8) || skip "no Python"
seconds=30
word=Xq7vKz9secretline

dir=$work/sources
mkdir "$dir" "$work/elsewhere"
lines() { # a file that has $word in the line of the frame
	printf '# one\n# two\ndef function(enter, paths):\n    enter(paths)  # %s\n' "$word"
}
for name in fifo device huge link linked folder loop unreadable good newer deep; do
	: >"$dir/$name.py"
done
for name in fifo device huge link good; do
	cp /bin/sh "$dir/lib$name.so"
done
lines >"$dir/text.txt"
lines >"$work/elsewhere/shadow"
odd=$dir/$(printf 'od\033[31md\nname.py')

need_core "$work/crash" "$python" "$cores/named_files.py" \
	--map "$dir/libfifo.so" --map "$dir/libdevice.so" --map "$dir/libhuge.so" --map "$dir/liblink.so" \
	--map "$dir/libgood.so" \
	"$dir/fifo.py" "$dir/device.py" "$dir/huge.py" "$dir/link.py" "$dir/linked.py" "$dir/folder.py" "$dir/loop.py" \
	"$dir/unreadable.py" "$dir/text.txt" /dev/zero /dev/stdin /proc/self/environ /dev/tty ../../../../etc/passwd \
	"$odd" "$dir/missing.py" "$dir/$(head -c 3000 /dev/zero | tr '\0' a).py" '<string>' '' "$dir/newer.py" "$dir/good.py"
core=$work/crash/core

# what the process saw is not what is there now
for name in fifo.py libfifo.so; do
	rm "$dir/$name"
	mkfifo "$dir/$name"
done
for name in device.py libdevice.so; do
	rm "$dir/$name"
	mknod "$dir/$name" c 1 5 2>/dev/null || ln -s /dev/zero "$dir/$name"
done
for name in huge.py libhuge.so; do
	lines >"$dir/$name"
	truncate -s 5M "$dir/$name"
done
truncate -s 20G "$dir/libhuge.so"
for name in link.py liblink.so; do
	rm "$dir/$name"
	ln -s "$work/elsewhere/shadow" "$dir/$name"
done
rm "$dir/folder.py" "$dir/linked.py" "$dir/loop.py"
mkdir "$dir/folder.py"
ln -s loop.py "$dir/loop.py"
lines >"$dir/good.py"
ln -s good.py "$dir/linked.py"
lines >"$dir/unreadable.py"
chmod 000 "$dir/unreadable.py"
touch -d '2001-01-01' "$dir/good.py"
lines >"$dir/newer.py"
touch -d '2035-01-01' "$dir/newer.py"

run 0 "$CORE2PYHEAP" --report=json -o "$work/out.pyheap" "$core" "$python"
for name in fifo.py device.py huge.py link.py folder.py loop.py text.txt /dev/zero /dev/stdin /proc/self/environ /dev/tty; do
	err_says "$name.*not opened"
done
err_says "newer.py.*newer than the core"
check "control characters on standard error" sh -c '! grep -q "$(printf "\033")" "$1"' sh "$work/err"
json_check 'len(r["threads"][0]["frames"]) >= 42'
# the word is shown where it may be: good.py, linked.py and newer.py, once each, and by root unreadable.py
json_check 'sorted({f["file"].rsplit("/", 1)[-1] for f in r["threads"][0]["frames"] if "'$word'" in (f["source"] or "")}
	- {"unreadable.py"}) == ["good.py", "linked.py", "newer.py"]'
json_check 'all(f["source"] is None for f in r["threads"][0]["frames"] if f["file"].startswith(("/dev/", "/proc/"))
	or f["file"].rsplit("/", 1)[-1] in ("fifo.py", "device.py", "huge.py", "link.py", "text.txt", "folder.py"))'
if [ -n "$PYTHON3" ] && [ "$PYTHON3" != : ]; then
	check "a source that was not to be opened is in the dump" "$PYTHON3" -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for n in z.namelist():
        if n.startswith("sources/") and n.endswith(("fifo.py", "device.py", "huge.py", "link.py", "text.txt", "passwd")):
            sys.exit("  " + n)
        if n.startswith(("/", "..")) or "/../" in n:
            sys.exit("  a member that leads out of its folder: " + n)' "$work/out.pyheap"
fi
run 0 "$CORE2PYHEAP" --no-dump "$core" "$python"
check "control characters in the report" sh -c '! grep -q "$(printf "\033")" "$1"' sh "$work/out"

# a library that is not what it was, and the executable as well
run 0 "$CORE2PYHEAP" --explain --no-dump --report=none "$core" "$python"
run 0 "$CORE2PYHEAP" --no-dump --report=none --solib-search-path="$dir" "$core"
run "0 2" "$CORE2PYHEAP" --no-dump --report=none "$core" "$dir/libfifo.so"
run "0 2" "$CORE2PYHEAP" --no-dump --report=none "$core" "$dir/libdevice.so"
run "0 2" "$CORE2PYHEAP" --no-dump --report=none "$core" "$dir/libhuge.so"
run "0 2" "$CORE2PYHEAP" --no-dump --report=none "$core" "$dir"

# with --sysroot nothing outside it, links that lead out included
root=$work/root
mkdir -p "$root$dir" "$work/out-of-root"
lines >"$work/out-of-root/outside.py"
ln -s "$work/out-of-root/outside.py" "$root$dir/good.py" # within the root there is no such file
ln -s ../../../../../../../../../../../../../../../../../../..$work/out-of-root/outside.py "$root$dir/newer.py"
run 0 "$CORE2PYHEAP" --no-dump --report=json --sysroot="$root" "$core"
check "a link led out of the sysroot" sh -c '! grep -q "$2" "$1"' sh "$work/out" "$word"
mkdir -p "$root$work/out-of-root"
cp "$work/out-of-root/outside.py" "$root$work/out-of-root/"
run 0 "$CORE2PYHEAP" --no-dump --report=json --sysroot="$root" "$core"
json_check 'sorted({f["file"].rsplit("/", 1)[-1] for f in r["threads"][0]["frames"] if "'$word'" in (f["source"] or "")})
	== ["good.py", "newer.py"]'
finish
