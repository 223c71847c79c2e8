/**
 * The program of `segue` with what it needs at each start as few files: to find and to link hundreds of modules takes
 * longer than all that a start does with them. The library (dist/src/index.js) stays as the compiler wrote it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'rolldown';

/** Loaded at each start; the other dependencies are loaded from where they are installed, if at all. */
const BUNDLED =
  /[\\/]node_modules[\\/](zod|xstate|pino|pino-std-serializers|@pinojs|sonic-boom|thread-stream|quick-format-unescaped|atomic-sleep|on-exit-leak-free|safe-stable-stringify|strip-ansi|ansi-regex|eventsource-parser|commander|drizzle-orm|prom-client|@opentelemetry|tdigest|bintrees)[\\/]/;
/** Must be the copy with which the user's tracing registers; a dependency may have one of its own. */
const THE_USERS = '@opentelemetry/api';
/** Where Drizzle is loaded by `require`. */
const REQUIRING = /[\\/]dist[\\/]db[\\/]drizzle\.js$/;
/** Knows by its own place where others lie. */
const IN_PLACE = /[\\/]dist[\\/]src[\\/]package-files\.js$/;

export default defineConfig({
  input: 'dist/src/cli/main.js',
  platform: 'node',
  plugins: [imported(), inPlace(), notices()],
  output: { dir: 'dist/bundle', format: 'esm', entryFileNames: 'segue.js' },
});

/** As imports, so that what is not used is left out: nine tenths of Drizzle, and a pause of 100 ms when it is loaded. */
function imported(): Plugin {
  const required = /const (\w+) = require\('([^']+)'\);\s*export const (\{[^}]*\}) = \1;/g;
  return {
    name: 'imported',
    transform(code, id) {
      if (!REQUIRING.test(id)) return null;
      const imports = code.replace(required, "export $3 from '$2';");
      if (/\brequire\(/.test(imports)) throw new Error(`${id}: a require that is not known to the bundle`);
      return imports;
    },
  };
}

function inPlace(): Plugin {
  return {
    name: 'in place',
    async resolveId(source, importer, options) {
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      if (found === null || found.external || importer === undefined) return found;
      if (IN_PLACE.test(found.id)) return { id: '../src/package-files.js', external: true };
      const foreign = /[\\/]node_modules[\\/]/;
      const kept = BUNDLED.test(found.id) && (source !== THE_USERS || foreign.test(importer));
      return foreign.test(found.id) && !kept ? { id: source, external: true } : found;
    },
  };
}

/** Whoever copies a package has to copy its licence. */
function notices(): Plugin {
  return {
    name: 'notices',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const folders = modules.map((id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0]);
      const texts = [...new Set(folders)]
        .sort()
        .flatMap((folder) => (folder === undefined ? [] : [noticeOf(folder)]));
      this.emitFile({ type: 'asset', fileName: 'NOTICES.txt', source: texts.join('\n\n') });
    },
  };
}

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = ['LICENSE', 'license', 'LICENSE.md', 'LICENSE.txt']
    .map((one) => `${folder}/${one}`)
    .find(existsSync);
  const text = file === undefined ? `licence: ${license}` : readFileSync(file, 'utf8').trim();
  return `${name} ${version}\n\n${text}`;
}
