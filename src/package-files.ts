/**
 * Where the files of this package lie that are opened and not imported. From the sources as from dist/, and also for
 * what is bundled: this file alone never is (rolldown.config.ts).
 */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
/** src/ lies in the package's root, or in its dist/. */
const root = new URL(extension === '.ts' ? '../' : '../../', import.meta.url);

/** A module to be run as a thread or process; `path` is that of its source, without the extension. */
export function ownModule(path: string): URL {
  return ownFile(`${path}${extension}`);
}

/** What lies among the sources, and in dist/ at the same place. */
export function ownFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** What the package ships as it is. */
export function packageFile(path: string): URL {
  return new URL(path, root);
}
