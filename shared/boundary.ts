/** The two ends of the protocol between page and device worker: `serve(port, device)` and `connect(port)`. */
import type * as z from 'zod'
import { AppError, parse, toFailure } from './failure.ts'
import {
  type CallName,
  type CallOutput,
  type Command,
  calls,
  commandSchema,
  type DeviceApi,
  type Message,
  messageSchema,
  PROTOCOL_VERSION,
  type Status,
} from './protocol.ts'

/** The little of a `Worker`, `MessagePort` or worker scope that is needed. */
export interface Port {
  postMessage(message: unknown): void
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: Event) => void): void
}

/** Answers the calls that arrive at `port`; pushes every status. */
export function serve(port: Port, device: DeviceApi): void {
  const send = (message: Message) => port.postMessage(message)
  const open = new Map<number, AbortController>()

  async function answer({ id, name, input }: Extract<Command, { type: 'call' }>): Promise<void> {
    const abort = new AbortController()
    open.set(id, abort)
    try {
      const call = device[name] as (input: unknown, signal: AbortSignal) => Promise<unknown>
      const checked = parse(calls[name].input as z.ZodType<unknown>, input, `Call ${name}`)
      send({ type: 'done', id, output: await call(checked, abort.signal) })
    } catch (error) {
      send({ type: 'failed', id, failure: toFailure(error) })
    } finally {
      open.delete(id)
    }
  }

  port.addEventListener('message', (event) => {
    const command = commandSchema.safeParse((event as MessageEvent).data)
    if (!command.success) return // not ours, or a newer page's: it waits for an answer to no call of ours
    if (command.data.type === 'cancel') open.get(command.data.id)?.abort()
    else void answer(command.data)
  })
  device.onStatus((status) => send({ type: 'status', status }))
  send({ type: 'ready', version: PROTOCOL_VERSION })
}

/**
 * The device behind `port`. A worker that dies, or is of another version, fails every call still open and to come; `ended`
 * hears of it, once.
 */
export function connect(port: Port, ended: (why: AppError) => void = () => {}): DeviceApi {
  const waiting = new Map<
    number,
    { resolve: (output: unknown) => void; reject: (error: AppError) => void; name: CallName }
  >()
  const listeners = new Set<(status: Status) => void>()
  let last: Status | undefined
  let lastId = 0
  let dead: AppError | undefined

  function die(error: AppError): void {
    if (dead) return
    dead = error
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
    ended(dead)
  }

  function hear(data: unknown): void {
    const message = parse(messageSchema, data, 'Message from the worker')
    switch (message.type) {
      case 'ready':
        if (message.version !== PROTOCOL_VERSION)
          die(new AppError('version', 'This page and its worker are of different versions: reload the page.'))
        return
      case 'status':
        last = message.status
        for (const listener of listeners) listener(message.status)
        return
      case 'done': {
        const call = waiting.get(message.id)
        waiting.delete(message.id)
        call?.resolve(
          parse(calls[call.name].output as z.ZodType<unknown>, message.output, `Answer to ${call.name}`),
        )
        return
      }
      case 'failed': {
        const call = waiting.get(message.id)
        waiting.delete(message.id)
        call?.reject(new AppError(message.failure.code, message.failure.message))
        return
      }
      default:
        message satisfies never
    }
  }

  port.addEventListener('message', (event) => {
    try {
      hear((event as MessageEvent).data)
    } catch (error) {
      die(error instanceof AppError ? error : new AppError('version', String(error)))
    }
  })
  port.addEventListener('error', (event) => {
    const why = (event as ErrorEvent).message
    die(new AppError('worker', `The device worker stopped${why ? `: ${why}` : ''}.`))
  })
  port.addEventListener('messageerror', () =>
    die(new AppError('worker', 'A message of the worker could not be read.')),
  )

  function call<N extends CallName>(name: N, input: unknown, signal?: AbortSignal): Promise<CallOutput<N>> {
    return new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      const id = ++lastId
      waiting.set(id, { resolve: resolve as (output: unknown) => void, reject, name })
      signal?.addEventListener('abort', () => port.postMessage({ type: 'cancel', id } satisfies Command), {
        once: true,
      })
      port.postMessage({ type: 'call', id, name, input } satisfies Command)
    })
  }

  const api = Object.fromEntries(
    (Object.keys(calls) as CallName[]).map((name) => [
      name,
      (input: unknown, signal?: AbortSignal) => call(name, input, signal),
    ]),
  ) as Omit<DeviceApi, 'onStatus'>
  return {
    ...api,
    onStatus(listener) {
      listeners.add(listener)
      if (last) listener(last)
      return () => listeners.delete(listener)
    },
  }
}
