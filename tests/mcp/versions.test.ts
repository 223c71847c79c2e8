import * as sdk from '@modelcontextprotocol/sdk/types.js';
import { expect, it } from 'vitest';
import * as ours from '../../src/mcp/versions.ts';

it('has the versions that the SDK has', () => {
  const { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } = sdk;
  expect({ ...ours }).toEqual({ LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS });
});
