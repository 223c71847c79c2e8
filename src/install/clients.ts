/** Where each MCP client keeps its servers, as its own documentation says. */
import { posix, win32 } from 'node:path';
import { SegueError } from '../errors.ts';

export const CLIENTS = [
  'claude-desktop',
  'claude-code',
  'vscode',
  'cursor',
  'windsurf',
  'gemini',
  'zed',
] as const;
export type Client = (typeof CLIENTS)[number];

export const SCOPES = ['user', 'project'] as const;
export type Scope = (typeof SCOPES)[number];

/** The machine that the client runs on. */
export interface Place {
  platform: NodeJS.Platform;
  environment: Readonly<Record<string, string | undefined>>;
  home: string;
  /** The project, for what belongs to one. */
  cwd: string;
}

export interface ClientConfig {
  file: string;
  /** The objects in it whose members are servers: the path of keys that leads to each. */
  sections: readonly (readonly string[])[];
}

/** @throws SegueError INVALID_PARAMETERS where the client has nothing for a project */
export function configOf(client: Client, scope: Scope, place: Place): ClientConfig {
  const join = place.platform === 'win32' ? win32.join : posix.join;
  const words = scope === 'project' ? projectFile(client) : undefined;
  const file = words ? join(place.cwd, ...words) : userFile(client, place, join);
  return { file, sections: sectionsOf(client, scope, place) };
}

function projectFile(client: Client): string[] {
  switch (client) {
    case 'claude-code':
      return ['.mcp.json'];
    case 'vscode':
      return ['.vscode', 'mcp.json'];
    case 'cursor':
      return ['.cursor', 'mcp.json'];
    case 'gemini':
      return ['.gemini', 'settings.json'];
    case 'zed':
      return ['.zed', 'settings.json'];
    default:
      throw new SegueError('INVALID_PARAMETERS', `${client} has no configuration of a project`);
  }
}

function userFile(client: Client, place: Place, join: (...parts: string[]) => string): string {
  const { environment, home, platform } = place;
  const settings = settingsDirectory(place, join);
  switch (client) {
    case 'claude-desktop':
      return join(settings, 'Claude', 'claude_desktop_config.json');
    case 'claude-code':
      return join(environment.CLAUDE_CONFIG_DIR || home, '.claude.json');
    case 'vscode':
      return join(settings, 'Code', 'User', 'mcp.json');
    case 'cursor':
      return join(home, '.cursor', 'mcp.json');
    case 'windsurf':
      return join(home, '.codeium', 'windsurf', 'mcp_config.json');
    case 'gemini':
      return join(home, '.gemini', 'settings.json');
    case 'zed':
      if (platform === 'win32') return join(settings, 'Zed', 'settings.json');
      return join(platform === 'darwin' ? join(home, '.config') : settings, 'zed', 'settings.json');
  }
}

function settingsDirectory(
  { environment, home, platform }: Place,
  join: (...parts: string[]) => string,
): string {
  if (platform === 'win32') return environment.APPDATA || join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  return environment.XDG_CONFIG_HOME || join(home, '.config');
}

function sectionsOf(client: Client, scope: Scope, { cwd }: Place): ClientConfig['sections'] {
  if (client === 'vscode') return [['servers']];
  if (client === 'zed') return [['context_servers']];
  // `claude mcp add` without a scope puts a server below the project, in the user's own file.
  if (client === 'claude-code' && scope === 'user') return [['mcpServers'], ['projects', cwd, 'mcpServers']];
  return [['mcpServers']];
}
