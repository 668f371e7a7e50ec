/** What Prometheus can ask for: docs/operations.md has the list. */
import { Hono } from 'hono'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { CloudStatus } from '../cloud/cloud.ts'

/** For a port of its own, which only Prometheus can reach: what it tells is for nobody else. */
export const metricsApp = (registry: Registry) =>
  new Hono().get('/metrics', async (c) =>
    c.body(await registry.metrics(), 200, { 'content-type': registry.contentType }),
  )

/** Why something was refused with 429. */
export type Refused = 'registrations' | 'address' | 'device' | 'uploads' | 'events' | 'waiting'

export interface Metrics {
  /** A request was answered; `route` is its pattern. */
  answered(route: string, method: string, status: number, seconds: number): void
  ingested(counts: { accepted: number; known: number }): void
  refused(why: Refused): void
  /** `read` tells how much of it there is whenever someone asks. */
  gauge(name: string, help: string, read: () => number): void
}

/** For who counts nothing. */
export const NO_METRICS: Metrics = { answered() {}, ingested() {}, refused() {}, gauge() {} }

/** A registry of its own, and the way to fill it. */
export function createMetrics(status: () => Promise<CloudStatus>): Metrics & { readonly registry: Registry } {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'kindred_http_requests_total',
    help: 'Requests that were answered',
    labelNames: ['route', 'method', 'status'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'kindred_http_request_duration_seconds',
    help: 'From the head of a request to its answer',
    labelNames: ['route', 'method'] as const,
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10],
    registers,
  })
  const events = new Counter({
    name: 'kindred_events_total',
    help: 'Events that devices sent: new ones, and those that were known',
    labelNames: ['outcome'] as const,
    registers,
  })
  const refused = new Counter({
    name: 'kindred_refused_total',
    help: 'Requests that were answered with 429, by the limit that they met',
    labelNames: ['limit'] as const,
    registers,
  })
  const gauge: Metrics['gauge'] = (name, help, read) =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  new Gauge({
    name: 'kindred_held',
    help: 'What the store holds',
    labelNames: ['what'] as const,
    registers,
    async collect() {
      const { users, events, samples } = await status()
      for (const [what, count] of Object.entries({ users, events, samples })) this.set({ what }, count)
    },
  })
  new Gauge({
    name: 'kindred_prepared',
    help: '1 if the samples and matches of this day are there',
    registers,
    async collect() {
      this.set((await status()).prepared ? 1 : 0)
    },
  })

  const counted = new Map<string, { count: Counter.Internal; time: Histogram.Internal<'route' | 'method'> }>()
  return {
    registry,
    answered(route, method, status, took) {
      // Looking a label up anew costs more than counting.
      const key = `${method} ${status} ${route}`
      let child = counted.get(key)
      if (!child) {
        child = {
          count: requests.labels({ route, method, status }),
          time: seconds.labels({ route, method }),
        }
        counted.set(key, child)
      }
      child.count.inc()
      child.time.observe(took)
    },
    ingested({ accepted, known }) {
      events.inc({ outcome: 'accepted' }, accepted)
      events.inc({ outcome: 'known' }, known)
    },
    refused: (limit) => refused.inc({ limit }),
    gauge,
  }
}
