import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  adminSocketPath,
  instanceName,
  privateDirectory,
  stateDirectory,
  stateHome,
} from '../../src/state/directory.ts';
import { shows } from '../support/shows.ts';
import { room } from './rooms.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** A directory of somebody else: only root can make one, everybody else is not root. */
function foreignDirectory(home: string): string {
  if (process.getuid?.() !== 0) return '/usr';
  const path = join(home, 'foreign');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 12_345, 12_345);
  return path;
}

describe('the name of an instance', () => {
  it('is the given one, else the basename of the command and a hash of argv and directory', () => {
    const name = instanceName(['/usr/bin/node', 'server.mjs'], '/srv');
    expect(name).toMatch(/^node-[0-9a-f]{8}$/);
    expect(instanceName(['/usr/bin/node', 'server.mjs'], '/srv')).toBe(name);
    expect(instanceName(['/usr/bin/node', 'server.mjs'], '/elsewhere')).not.toBe(name);
    expect(instanceName(['/usr/bin/node', 'server', '.mjs'], '/srv')).not.toBe(name);
    expect(instanceName(['node'], '/srv', 'mine')).toBe('mine');
  });

  shows('F59', 'never leads out of the state home', () => {
    for (const name of ['..', '.', '', 'a/b', '../x', 'a\0b', '-x', 'x'.repeat(65)]) {
      expect(() => stateDirectory(name, {})).toThrow('is no name');
      expect(() => instanceName(['node'], '/', name)).toThrow('is no name');
    }
    for (const file of ['..', '/', '-rf', 'a b;c', 'ünï', 'x'.repeat(300), '']) {
      expect(stateDirectory(instanceName([file], '/'), { HOME: '/h' })).toMatch(
        /^\/h\/\.local\/state\/segue\/[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{8}$/,
      );
    }
  });
});

describe('the state home', () => {
  it('follows XDG_STATE_HOME when it is absolute, else the home directory', () => {
    expect(stateHome({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/segue');
    expect(stateHome({ XDG_STATE_HOME: 's', HOME: '/h' })).toBe('/h/.local/state/segue');
    expect(stateHome({ XDG_STATE_HOME: '', HOME: '/h' })).toBe('/h/.local/state/segue');
  });
});

describe('a private directory', () => {
  shows('F61', 'is made 0700 with what is missing above it, whatever the umask', async () => {
    const { home } = room();
    for (const mask of [0, 0o777, 0o022]) {
      const umask = process.umask(mask);
      const path = join(home, `mask-${mask}`);
      await privateDirectory(path).finally(() => process.umask(umask));
      expect(modeOf(path)).toBe(0o700);
    }
    await privateDirectory(join(home, 'a', 'b'));
    expect([modeOf(join(home, 'a')), modeOf(join(home, 'a', 'b'))]).toEqual([0o700, 0o700]);
  });

  shows('F61', 'is closed to readers when it was open to them', async () => {
    const { home } = room();
    const path = join(home, 'readable');
    mkdirSync(path, { mode: 0o755 });
    await privateDirectory(path);
    expect(modeOf(path)).toBe(0o700);
  });

  shows('F59', 'is refused when others may write to it', async () => {
    const { home } = room();
    const path = join(home, 'open');
    mkdirSync(path);
    for (const mode of [0o777, 0o720, 0o702, 0o1777]) {
      chmodSync(path, mode);
      await expect(privateDirectory(path)).rejects.toMatchObject({
        code: 'INITIALIZATION_FAILED',
        message: expect.stringContaining('other users may write'),
      });
    }
  });

  shows('F59', 'is refused when another user owns it, or owns a link to it', async () => {
    const { home } = room();
    const foreign = foreignDirectory(home);
    await expect(privateDirectory(foreign)).rejects.toThrow('another user owns it');
    symlinkSync(foreign, join(home, 'link'));
    await expect(privateDirectory(join(home, 'link'))).rejects.toThrow('another user owns it');
    writeFileSync(join(home, 'file'), '');
    await expect(privateDirectory(join(home, 'file'))).rejects.toThrow();
  });

  shows('F59', 'may be a link of our own', async () => {
    const { home } = room();
    mkdirSync(join(home, 'disk'), { mode: 0o700 });
    symlinkSync(join(home, 'disk'), join(home, 'link'));
    await privateDirectory(join(home, 'link'));
  });
});

describe('the admin socket', () => {
  it('lies in the runtime directory, one path for each instance', () => {
    const environment = { XDG_RUNTIME_DIR: '/run/user/7' };
    expect(adminSocketPath('i-1', environment)).toMatch(/^\/run\/user\/7\/segue\/[0-9a-f]{8}\.sock$/);
    expect(adminSocketPath('i-1', environment)).not.toBe(adminSocketPath('i-2', environment));
  });

  it('lies in a directory of the user under the temp directory where there is no runtime directory', () => {
    const uid = process.getuid?.();
    expect(adminSocketPath('i-1', {})).toMatch(new RegExp(`^/tmp/segue-${uid}/[0-9a-f]{8}\\.sock$`));
    expect(adminSocketPath('i-1', { XDG_RUNTIME_DIR: 'relative', TMPDIR: '/t' })).toMatch(/^\/t\/segue-/);
  });

  it('never has a path that the system would cut', () => {
    const long = `/${'d'.repeat(200)}`;
    expect(adminSocketPath('i-1', { XDG_RUNTIME_DIR: long })).toMatch(/^\/tmp\//);
    const unicode = `/${'ü'.repeat(50)}`; // 101 bytes in 51 characters
    expect(adminSocketPath('i-1', { XDG_RUNTIME_DIR: unicode })).toMatch(/^\/tmp\//);
    const refusal = () => adminSocketPath('i-1', { XDG_RUNTIME_DIR: long, TMPDIR: long });
    expect(refusal).toThrow('too long for a socket');
  });
});
