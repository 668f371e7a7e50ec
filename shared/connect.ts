/** The page's end of the protocol (`protocol.ts`): `connect(port)`. `serve(port, device)` is the other (`boundary.ts`). */
import { createCaller, type Hearing, type Message, type Port } from './caller.ts'
import type { AppError } from './error.ts'
import type { CallName, DeviceApi, Status } from './protocol.ts'
import { PROTOCOL_VERSION } from './version.ts'

/** All there are: the schemas, which know them too, stay in the worker. */
const names: Record<CallName, true> = {
  catalogue: true,
  rank: true,
  run: true,
  why: true,
  compare: true,
  track: true,
  flush: true,
  status: true,
  train: true,
  learn: true,
  share: true,
  signIn: true,
  conditions: true,
  busy: true,
  persisted: true,
  rollback: true,
  samples: true,
  inspect: true,
  erase: true,
  takeOut: true,
  bringIn: true,
  forget: true,
}

/** The worker is of this very version, or `ready` ends it: what it says is what its types say. It parses what it is asked. */
const trusting: Hearing = {
  message: (data) => data as Message,
  output: (_, output) => output,
  news: (news) => news,
}

/**
 * The device behind `port`. A worker that dies, or is of another version, fails every call still open and to come; `ended`
 * hears of it, once; and so it is when `end` is called.
 */
export function connect(
  port: Port,
  ended?: (why: AppError) => void,
): DeviceApi & { end(why: AppError): void } {
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  const { call, end } = createCaller(port, {
    server: 'device worker',
    version: PROTOCOL_VERSION,
    hearing: trusting,
    onNews(status) {
      last = status as Status
      for (const listener of listeners) listener(last)
    },
    onEnd: ended,
  })
  const api = Object.keys(names).map((name) => [
    name,
    (input: unknown, signal?: AbortSignal) => call(name, input, { signal }),
  ])
  return {
    ...(Object.fromEntries(api) as Omit<DeviceApi, 'onStatus'>),
    end,
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      return () => listeners.delete(listener)
    },
  }
}
