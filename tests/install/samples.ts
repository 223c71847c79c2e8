/** A configuration as each client has it, with what people and the clients themselves write into it. */
import type { Client } from '../../src/install/clients.ts';

export interface Sample {
  /** Below the home directory, on Linux. */
  path: string;
  text: string;
  /** The objects that hold servers. */
  sections: string[][];
  /** Names of the servers that can be wrapped; all others stay. */
  plain: string[];
}

const claudeDesktop = `{
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": [
        "-y",
        "@modelcontextprotocol/server-filesystem",
        "/home/me/Documents"
      ]
    },
    "git": {
      "command": "uvx",
      "args": ["mcp-server-git", "--repository", "/home/me/r\\u00e9po"],
      "env": { "GIT_TOKEN": "gh_secret", "EMPTY": "" }
    }
  },
  "globalShortcut": "Ctrl+Space"
}`;

/** As the program writes it, with its own things around; the same name in two places. */
function claudeCode(project: string): string {
  const files = { type: 'stdio', command: 'node', args: ['files.js'], env: {} };
  const content = {
    numStartups: 42,
    oauthAccount: { emailAddress: 'me@example.org' },
    projects: {
      [project]: { allowedTools: [], mcpServers: { files, local: { command: '/opt/local' } } },
      '/somewhere/else': { mcpServers: { other: files } },
    },
    mcpServers: { files, remote: { type: 'http', url: 'https://example.org/mcp' } },
  };
  return JSON.stringify(content, null, 2);
}

const vscode = `{
	// Passwords are asked for.
	"inputs": [{ "type": "promptString", "id": "key", "description": "Key", "password": true }],
	"servers": {
		"playwright": {
			"type": "stdio",
			"command": "npx",
			"args": ["-y", "@playwright/mcp@latest"], // newest
			"env": { "KEY": "\${input:key}" },
			"envFile": "\${workspaceFolder}/.env"
		},
		/* "off": { "command": "off" }, */
		"github": { "type": "http", "url": "https://api.githubcopilot.com/mcp/" },
		"bare": { "command": "\${workspaceFolder}/bin/server" },
	},
}
`;

const cursor = `\uFEFF{\r
  "mcpServers": {\r
    "weather": { "command": "python", "args": [ "server.py" ], "env": { "API_KEY": "\${env:KEY}" } },\r
    "notion": { "url": "https://mcp.notion.com/mcp", "headers": { "A": "b" } }\r
  }\r
}\r
`;

const windsurf = `{"mcpServers":{"a":{"command":"a-server","args":[]},"b":{"serverUrl":"https://example.org/mcp"},"c":{"args":["x","y"],"command":"c-server","disabled":false}}}`;

const gemini = `{
    "theme": "Dracula",
    "mcpServers": {
        "git": {
            "command": "uvx",
            "args": [
                "mcp-server-git" // last
            ],
            "cwd": "./work",
            "timeout": 30000,
            "trust": false
        },
        "http": { "httpUrl": "http://localhost:6322/mcp", "timeout": 15000 }
    },
    "mcp": { "allowed": ["git"] }
}
`;

const zed = `// Zed settings
{
  "theme": { "mode": "system" },
  "context_servers": {
    "local-mcp-server": {
      "enabled": true,
      "source": "custom",
      "command": "some-command",
      "args": ["arg-1", "arg-2"],
      "env": {},
    },
    "older": { "command": { "path": "some-command", "args": ["x"] } },
    "extension": { "source": "extension", "settings": {} },
    "remote-mcp-server": { "url": "https://example.com/mcp" },
  },
}
`;

/** `home`: the directory that the client is in, too. */
export function samples(home: string): Record<Client, Sample> {
  const mcpServers = [['mcpServers']];
  return {
    'claude-desktop': {
      path: '.config/Claude/claude_desktop_config.json',
      text: claudeDesktop,
      sections: mcpServers,
      plain: ['filesystem', 'git'],
    },
    'claude-code': {
      path: '.claude.json',
      text: claudeCode(home),
      sections: [...mcpServers, ['projects', home, 'mcpServers']],
      plain: ['files', 'files', 'local'],
    },
    vscode: {
      path: '.config/Code/User/mcp.json',
      text: vscode,
      sections: [['servers']],
      plain: ['playwright', 'bare'],
    },
    cursor: { path: '.cursor/mcp.json', text: cursor, sections: mcpServers, plain: ['weather'] },
    windsurf: {
      path: '.codeium/windsurf/mcp_config.json',
      text: windsurf,
      sections: mcpServers,
      plain: ['a', 'c'],
    },
    gemini: { path: '.gemini/settings.json', text: gemini, sections: mcpServers, plain: ['git'] },
    zed: {
      path: '.config/zed/settings.json',
      text: zed,
      sections: [['context_servers']],
      plain: ['local-mcp-server'],
    },
  };
}
