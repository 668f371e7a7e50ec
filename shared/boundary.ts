/** The two ends of the protocol between page and device worker: `serve(port, device)` and `connect(port)`. */

import * as z from 'zod'
import { type Answering, connectCalls, type Port, serveCalls } from './calls.ts'
import type { AppError } from './failure.ts'
import {
  type CallName,
  calls,
  type DeviceApi,
  PROTOCOL_VERSION,
  type Status,
  statusSchema,
} from './protocol.ts'

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

/**
 * The device behind `port`. A worker that dies, or is of another version, fails every call still open and to come; `ended`
 * hears of it, once.
 */
export function connect(port: Port, ended?: (why: AppError) => void): DeviceApi {
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  const onNews = (status: Status) => {
    last = status
    for (const listener of listeners) listener(status)
  }
  const { call } = connectCalls(port, contract, { onNews, ...(ended ? { onEnd: ended } : {}) })
  const api = names.map((name) => [
    name,
    (input: never, signal?: AbortSignal) => call(name, input, { signal }),
  ])
  return {
    ...(Object.fromEntries(api) as Omit<DeviceApi, 'onStatus'>),
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      return () => listeners.delete(listener)
    },
  }
}
