/** Whatever the file looks like: install adds what it should, uninstall takes exactly that away. */
import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { expect, it } from 'vitest';
import { applyEdits } from '../../src/install/edits.ts';
import { unwrapping, wrapping } from '../../src/install/plan.ts';
import { serversIn } from '../../src/install/servers.ts';

const CONFIG = { file: 'x.json', sections: [['mcpServers']] };
const JUDGE = { platform: 'linux', script: '/opt/segue/main.js' } as const;
const LAUNCHER = { command: '/usr/bin/node', args: ['/opt/segue/main.js'] };

const trivia = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', ' ', '\n', '\r\n', '\t', '\n    ') },
  fc.constantFrom('// "command": [\n', '/* , } */', ' // ü\r\n'),
);
const word = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('--', '--name', '', 'ä"\\', '{'),
);
/** As JSON.stringify has it, or with an escape that it would not make. */
const text = word.map((each) => JSON.stringify(each).replace(/(?<!\\u\w*)e/, '\\u0065'));

type Member = [key: string, value: string];

/** JSON text of an object or a list, with trivia wherever it may stand, and perhaps a comma too many. */
function written(open: string, items: readonly string[], close: string, spaces: readonly string[]): string {
  let next = 0;
  const space = () => spaces[next++ % spaces.length]!;
  const comma = items.length > 0 && spaces.length % 2 === 0 ? `,${space()}` : '';
  const body = items.map((item) => `${space()}${item}${space()}`).join(',');
  return `${open}${body || space()}${comma}${close}`;
}

const spaces = fc.array(trivia, { minLength: 1, maxLength: 9 });
const list = fc
  .tuple(fc.array(text, { maxLength: 4 }), spaces)
  .map(([items, s]) => written('[', items, ']', s));
const object = (members: fc.Arbitrary<Member[]>) =>
  fc.tuple(members, spaces).map(([all, s]) =>
    written(
      '{',
      all.map(([key, value]) => `${JSON.stringify(key)}${s[0]}:${s.at(-1)}${value}`),
      '}',
      s,
    ),
  );
const other: fc.Arbitrary<Member> = fc.tuple(
  fc.constantFrom('env', 'type', 'disabled', 'ärg'),
  fc.constantFrom('{"A": "b"}', '"stdio"', 'false', '[]', 'null', '1e3'),
);
const server = object(
  fc
    .tuple(
      word.filter((each) => each !== '').map((each): Member => ['command', JSON.stringify(each)]),
      fc.option(list.map((each): Member => ['args', each])),
      fc.array(other, { maxLength: 3 }),
    )
    .chain(([command, args, others]) =>
      fc.shuffledSubarray([command, ...(args ? [args] : []), ...others], {
        minLength: 1 + (args ? 1 : 0) + others.length,
      }),
    ),
);
const remote = fc.constant('{ "url": "https://example.org/mcp" }');
const servers = object(
  fc.uniqueArray(fc.tuple(word, fc.oneof({ weight: 4, arbitrary: server }, remote)), {
    selector: ([name]) => name,
    maxLength: 4,
  }),
);
const file = fc
  .tuple(
    fc.constantFrom('', '\uFEFF'),
    trivia,
    object(servers.map((each): Member[] => [['mcpServers', each]])),
    trivia,
  )
  .map((parts) => parts.join(''));

const meaning = (of: string) => parse(of.replace(/^\uFEFF/, ''), [], { allowTrailingComma: true }).mcpServers;

/** Of a file that holds only servers without Segue. */
function install(before: string, choose: (index: number) => boolean = () => true): string {
  const all = serversIn(before, CONFIG, JUDGE);
  return applyEdits(
    before,
    wrapping(
      before,
      all.filter((_, index) => choose(index)),
      LAUNCHER,
    ),
  );
}

function uninstall(now: string, ...backups: string[]): string {
  return applyEdits(now, unwrapping(now, backups, CONFIG, JUDGE).edits);
}

it('install and uninstall of all is identity, and all that is between them means what it should', () => {
  let wrapped = 0;
  fc.assert(
    fc.property(file, (before) => {
      const after = install(before);
      const now = meaning(after);
      for (const { name, kind, command, args } of serversIn(before, CONFIG, JUDGE)) {
        if (kind !== 'plain') expect(now[name]).toEqual(meaning(before)[name]);
        else {
          wrapped++;
          const own = [...LAUNCHER.args, '--name', expect.stringMatching(/^[A-Za-z0-9][\w.-]{0,63}$/), '--'];
          expect(now[name]).toEqual({
            ...meaning(before)[name],
            command: LAUNCHER.command,
            args: [...own, command, ...args],
          });
        }
      }
      expect(uninstall(after, before)).toBe(before);
    }),
    { numRuns: 500 },
  );
  expect(wrapped).toBeGreaterThan(100);
});

it('in two steps, too', () => {
  fc.assert(
    fc.property(file, (before) => {
      const between = install(before, (index) => index % 2 === 0);
      const after = install(between);
      expect(uninstall(after, between, before)).toBe(before);
    }),
    { numRuns: 300 },
  );
});

it('what another one has changed since stays, and what remains means what it meant', () => {
  fc.assert(
    fc.property(file, (before) => {
      const after = install(before);
      // Every wrapped entry is touched, so that none is any longer as install has left it.
      const changed = after.replaceAll('"--name"', ' "--name"');
      const restored = meaning(uninstall(changed, before));
      for (const [name, entry] of Object.entries(meaning(before)) as [string, { args?: string[] }][])
        expect(restored[name]).toEqual('command' in entry ? { ...entry, args: entry.args ?? [] } : entry);
    }),
    { numRuns: 300 },
  );
});
