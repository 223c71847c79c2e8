/** The server over stdio: what `segue serve` has behind it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { build } from './build.ts';

serveStdio((context) => build(context));
