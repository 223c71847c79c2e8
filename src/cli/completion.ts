/**
 * `segue completion bash|zsh|fish`: a script for the shell, made from the definitions of the commands themselves, so that
 * it knows what `segue --help` knows. Names of instances are asked of `segue list` while the person types.
 */
import type { Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export function completion(terminal: Terminal, program: Command, shell: Shell): number {
  terminal.out(shell === 'fish' ? fish(program) : bash(program, shell === 'zsh'));
  return 0;
}

/** One command and what may stand behind it. */
interface Node {
  /** `snapshots show`; empty: segue itself. */
  path: string;
  commands: { name: string; description: string }[];
  options: readonly Option[];
  /** Fixed words of its argument. */
  choices: readonly string[];
  takesInstance: boolean;
}

function nodes(command: Command, path: string[] = []): Node[] {
  const [argument] = command.registeredArguments;
  const node: Node = {
    path: path.join(' '),
    commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: command.createHelp().visibleOptions(command),
    choices: argument?.argChoices ?? [],
    takesInstance: argument?.name() === 'instance',
  };
  return [node, ...command.commands.flatMap((each) => nodes(each, [...path, each.name()]))];
}

/** Of an option that takes a value: its fixed words, `instance`, or null where it is a file or anything. */
function valuesOf(option: Option): readonly string[] | 'instance' | null {
  if (option.argChoices) return option.argChoices;
  return option.long === '--name' ? 'instance' : null;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

const INSTANCES = "segue list 2>/dev/null | awk 'NR > 1 { print $1 }'";

/** zsh runs it by its own bashcompinit. */
function bash(program: Command, zsh: boolean): string {
  const all = nodes(program);
  const paths = all.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`);
  const words = all.map(({ path, commands, options, choices, takesInstance }) => {
    const list = [...commands.map(({ name }) => name), ...choices, ...options.map(flagOf)].join(' ');
    return `    "${path}") offers="${list}${takesInstance ? ' $(_segue_instances)' : ''}" ;;`;
  });
  return `${zsh ? ZSH_HEAD : ''}# made by: segue completion ${zsh ? 'zsh' : 'bash'}
_segue_instances() {
  ${INSTANCES}
}
_segue() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" called="" offers="" at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ "\${COMP_WORDS[at]}" == -- ]] && return # a command of its own: files, as the shell does it
    case "\${called:+$called }\${COMP_WORDS[at]}" in
    ${paths.join('|')}) called="\${called:+$called }\${COMP_WORDS[at]}" ;;
    esac
  done
  case "$called $previous" in
${valueCases(all).join('\n')}
  *) case "$called" in
${words.join('\n')}
  esac ;;
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$current"))
}
complete -o default -F _segue segue`;
}

/** Its own names are left alone: there, `path` and `words` are the shell's. */
const ZSH_HEAD = `(( $+functions[compdef] )) || { autoload -U compinit && compinit; }
autoload -U +X bashcompinit && bashcompinit
`;

/** What may stand behind an option. Where nothing is known, the shell offers files. */
function valueCases(all: readonly Node[]): string[] {
  const cases = new Map<string, string[]>();
  for (const { path, options } of all) {
    for (const option of options.filter(takesValue)) {
      const values = valuesOf(option);
      const words = values === 'instance' ? '$(_segue_instances)' : (values ?? []).join(' ');
      cases.set(words, [...(cases.get(words) ?? []), `"${path} ${option.long}"`]);
    }
  }
  return [...cases].map(([words, patterns]) => `    ${patterns.join('|')}) offers="${words}" ;;`);
}

function flagOf({ long, short }: Option): string {
  return long ?? short!;
}

function fish(program: Command): string {
  const lines = nodes(program).flatMap(({ path, commands, options, choices, takesInstance }) => {
    const when = condition(path, commands);
    const add = (what: string) => `complete -c segue -n ${quoted(when)} ${what}`;
    return [
      ...commands.map(({ name, description }) => add(`-f -a ${name} -d ${quoted(description)}`)),
      ...choices.map((choice) => add(`-f -a ${choice}`)),
      ...(takesInstance ? [add(`-f -a ${quoted(`(${INSTANCES})`)}`)] : []),
      ...options.map((option) => add(fishOption(option))),
    ];
  });
  return ['# made by: segue completion fish', ...lines].join('\n');
}

/** That the words so far name this command, and none below it. */
function condition(path: string, commands: Node['commands']): string {
  const seen = path
    .split(' ')
    .filter(Boolean)
    .map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = commands.map(({ name }) => name).join(' ');
  const none = below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`];
  return [...seen, ...none].join('; and ');
}

function fishOption(option: Option): string {
  const names = [option.long && `-l ${option.long.slice(2)}`, option.short && `-s ${option.short.slice(1)}`];
  const values = valuesOf(option);
  const words = values === 'instance' ? `(${INSTANCES})` : values?.join(' ');
  const argument = takesValue(option) ? (words === undefined ? ['-r'] : ['-x', `-a ${quoted(words)}`]) : [];
  return [...names.filter(Boolean), ...argument, `-d ${quoted(option.description)}`].join(' ');
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
