#!/usr/bin/env node
// Plain old JavaScript: an outdated Node must get through this file to the sentence that says what is needed.
// The database's native part does not merely fail on Node 20, it crashes the process.
var parts = process.versions.node.split('.');
var major = Number(parts[0]);
var minor = Number(parts[1]);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error('segue needs Node.js 22.18 or newer; this is ' + process.versions.node + '.');
  process.exit(1);
}

import('../dist/bundle/segue.js').catch((error) => {
  var missing =
    error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    /[\\/]dist[\\/]bundle[\\/]segue\.js/.test(error.message);
  console.error(missing ? 'segue is not built: run "npm run build" in its folder.' : error);
  process.exit(1);
});
