/** `segue --upstream … -- node server` with real clients: they speak stdio, the server speaks HTTP. */
import { describe, expect } from 'vitest';
import { segueLaunch, tempHome } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import { freePort, server } from './upstream.ts';
import { connectV1, connectV2 } from '../support/sdk-clients.ts';
