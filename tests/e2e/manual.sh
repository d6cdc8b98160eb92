#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The man page and the completions have every option that --help has, pass their linters, complete, and are
# installed.
. "$(dirname "$0")/lib.sh"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
for kind in man bash zsh; do
	"$WICK" --manual $kind >"$tmp/$kind"
	near "$kind: control bytes" "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]' "$tmp/$kind" || true)" 0 0
done
status=0
"$WICK" --manual fish 2>"$tmp/wick.err" || status=$?
near "status for a shell that is not known" "$status" 2 0

bash -n "$tmp/bash" || fail "bash does not take it"
checked=bash
if command -v zsh >/dev/null; then zsh -n "$tmp/zsh" || fail "zsh does not take it"; checked+=" zsh"; fi
if command -v man >/dev/null; then
	near "what man warns of" "$(man --warnings -l "$tmp/man" 2>&1 >/dev/null | wc -l)" 0 0
	checked+=" man"
fi
if command -v mandoc >/dev/null; then
	near "what mandoc warns of" "$(mandoc -T lint -W warning "$tmp/man" | grep -vc 'missing date' || true)" 0 0
	checked+=" mandoc"
fi
echo "checked by: $checked"

# complete WORD..: what bash offers for the last word.
complete_words()
{
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _wick
		printf "%s\n" "${COMPREPLY[@]}"' "$tmp/bash" "$@" | sort
}
sed 's/\\-/-/g; s/\\f.//g' "$tmp/man" >"$tmp/man.txt"
commands=$("$WICK" --help | sed -n 's/^  \([a-z][a-z_-]*\).*/\1/p')
[ "$(complete_words wick '')" = "$(sort <<<"$commands")" ] || fail "bash offers other commands"
for group in dump store; do
	verbs=$("$WICK" $group --help | sed -n 's/^  \([a-z][a-z_-]*\).*/\1/p')
	[ "$(complete_words wick $group '')" = "$(sort <<<"$verbs")" ] || fail "bash offers other verbs"
	commands=$(grep -vx $group <<<"$commands"; sed "s/^/$group /" <<<"$verbs")
done
total=0
while read -r called; do
	# shellcheck disable=SC2086
	"$WICK" $called --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE '\-\-?[a-zA-Z-]+' | sort >"$tmp/told"
	# shellcheck disable=SC2086
	complete_words wick $called - >"$tmp/offered"
	cmp "$tmp/told" "$tmp/offered" || fail "wick $called: bash offers other options than --help"
	sed -n "/^\t'$called')/,/;;/p" "$tmp/zsh" >"$tmp/zsh.part"
	awk -v want=".SS wick $called" 'index($0, ".SS ") == 1 || index($0, ".SH ") == 1 { on = $0 == want ||
		index($0, want " ") == 1 } on' "$tmp/man.txt" >"$tmp/man.part"
	while read -r option; do
		grep -qF -- "$option" "$tmp/zsh.part" || fail "wick $called $option is not in the zsh completion"
		grep -qE -- "(^|, )$option( |,|\[|\$)" "$tmp/man.part" || fail "wick $called $option is not in the man page"
		total=$((total + 1))
	done <"$tmp/told"
done <<<"$commands"
at_least "options checked" "$total" 60
touch "$tmp/some.folded"
[ "$(cd "$tmp" && complete_words wick report som)" = some.folded ] || fail "bash does not offer files"

DESTDIR=$tmp/root cmake --install "$BUILD" --prefix /usr >/dev/null || fail "cmake --install: $?"
for file in bin/wick share/man/man1/wick.1 share/bash-completion/completions/wick share/zsh/site-functions/_wick; do
	[ -s "$tmp/root/usr/$file" ] || fail "$file is not installed"
done
cmp "$tmp/root/usr/share/man/man1/wick.1" "$tmp/man" || fail "another man page is installed"
