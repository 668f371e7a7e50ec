import { randomFillSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Line, openLine } from './line.ts'

/** So fast that no test waits for it; that it is slow is what the benchmark's own figures show. */
const FAST = { downBytesPerS: 1e9, upBytesPerS: 1e9, rttMs: 2 }
const body = randomFillSync(Buffer.alloc(300_000))
const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => response.end(request.method === 'POST' ? Buffer.concat(parts) : body))
})
let line: Line

beforeEach(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  line = await openLine(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, FAST)
})
afterEach(async () => {
  await line.cut()
  await new Promise((done) => server.close(done))
})

const get = async (init?: RequestInit) => Buffer.from(await (await fetch(line.url, init)).arrayBuffer())

it('carries every byte in its order, both ways, on many connections at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => get(i % 2 ? { method: 'POST', body } : undefined)),
  )
  for (const answer of answers) expect(answer.equals(body)).toBe(true)
  expect(line.down()).toBeGreaterThan(8 * body.length)
})

it('reaches nobody once it is cut', async () => {
  await get()
  await line.cut()
  await expect(get()).rejects.toThrow()
})
