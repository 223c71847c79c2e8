// Traces of reboots, on stderr. For a collector, put an OTLP exporter in the place of the one that prints.
//   npm install @opentelemetry/api @opentelemetry/sdk-trace-base    (beside mcp-segue)
//   node --import ./otel.mjs node_modules/mcp-segue/bin/segue.js serve -- node server.js
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** A span a line. stdout belongs to MCP. */
const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const line = { traceId, spanId, name: span.name, status: span.status, attributes: span.attributes };
      process.stderr.write(`${JSON.stringify(line)}\n`);
    }
    done({ code: 0 });
  },
  async shutdown() {},
};

trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 500 })],
  }),
);
