/**
 * The legacy versions of the protocol, as the SDK has them: a module that loads the SDK's for these alone loads its
 * schemas, and zod a second time with all its languages (a test compares them).
 */
export const LATEST_PROTOCOL_VERSION = '2025-11-25';
export const SUPPORTED_PROTOCOL_VERSIONS = [
  LATEST_PROTOCOL_VERSION,
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
];
