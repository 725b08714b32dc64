// Each script asks `iovctl __complete -- WORD…`, which prints a line for each candidate: the word, a tab, a description. A line
// with nothing but a tab says that names of files fit, too.

const bash = `# bash completion for iovctl: source <(iovctl completion bash)
_iovctl() {
  local line word files= cur=\${COMP_WORDS[COMP_CWORD]}
  # Bash takes a word apart at these; a port's name may have them.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local words cword
    _get_comp_words_by_ref -n : cur words cword
  else
    local words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    word=\${line%%$'\\t'*}
    if [[ -z $word ]]; then files=1; continue; fi
    printf -v word '%q' "$word"
    COMPREPLY+=("$word")
  done < <("\${words[0]}" __complete -- "\${words[@]:1:cword}" 2>/dev/null)
  if [[ -n $files ]]; then
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
  fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _iovctl iovctl
`;

const zsh = `#compdef iovctl
# zsh completion for iovctl: source <(iovctl completion zsh), or a file _iovctl in $fpath
_iovctl() {
  local line word files= ; local -a found
  while IFS= read -r line; do
    word=\${line%%$'\\t'*}
    if [[ -z $word ]]; then files=1; continue; fi
    found+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe iovctl found
  [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _iovctl ]]; then _iovctl; else compdef _iovctl iovctl; fi
`;

const fish = `# fish completion for iovctl: iovctl completion fish | source
function __iovctl_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (command $words[1] __complete -- $words[2..-1] 2>/dev/null)
    if string match -q -- (printf '\\t')'*' $line
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c iovctl -f -a '(__iovctl_complete)'
`;

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What a shell reads to complete iovctl. */
export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
