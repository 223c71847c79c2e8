/**
 * What has ended this long ago is deleted: after each reboot, at the end of an instance, and at the start of an
 * orchestrator (F61).
 */
export const RETENTION_MS = 30 * 24 * 3600 * 1000;
