# Bash completion for syscontainer: the program itself says what could follow.
_syscontainer() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    local words=("${COMP_WORDS[@]:0:COMP_CWORD}")
    [[ $cur != -* ]] || words+=("$cur")
    mapfile -t COMPREPLY < <(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur")
}
complete -o default -F _syscontainer syscontainer
