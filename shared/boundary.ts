/** The worker's end of the protocol between page and device worker: `serve(port, device)`; `connect.ts` is the other. */

import * as z from 'zod'
import { type Answering, type Port, serveCalls } from './calls.ts'
import { type CallName, calls, type DeviceApi, PROTOCOL_VERSION, statusSchema } from './protocol.ts'

const contract = {
  server: 'device worker',
  version: PROTOCOL_VERSION,
  calls,
  news: statusSchema,
  hints: z.never(),
}
const names = Object.keys(calls) as CallName[]

/** Answers the calls that arrive at `port`; pushes every status. */
export function serve(port: Port, device: DeviceApi): void {
  const answers = names.map((name) => [
    name,
    (input: never, { signal }: { signal: AbortSignal }) => device[name](input, signal),
  ])
  device.onStatus(serveCalls(port, contract, Object.fromEntries(answers) as Answering<typeof contract>))
}
