/** The end of a port that calls: what is asked, and what becomes of it. What it hears is checked by whoever it is made for. */
import { AppError, type Failure } from './error.ts'

/** The little of a `Worker`, `MessagePort` or worker scope that is needed. */
export interface Port {
  postMessage(message: unknown): void
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: Event) => void): void
}

export type Command =
  | { type: 'call'; id: number; name: string; input?: unknown }
  | { type: 'cancel'; id: number }
  | { type: 'hint'; hint?: unknown }

/** `ready` first; then every call ends in exactly one `done` or `failed`. */
export type Message =
  | { type: 'ready'; version: number }
  | { type: 'news'; id: number | null; news?: unknown }
  | { type: 'done'; id: number; output?: unknown }
  | { type: 'failed'; id: number; failure: Failure }

/** What the other end says, as it is to be taken; what does not fit throws. */
export interface Hearing {
  message(data: unknown): Message
  output(name: string, output: unknown): unknown
  news(news: unknown): unknown
}

/** Stops a call, and hears of it while it is under way. */
export interface Watching {
  readonly signal?: AbortSignal | undefined
  readonly onNews?: ((news: unknown) => void) | undefined
}

export interface Caller {
  call(name: string, input: unknown, watching?: Watching): Promise<unknown>
  hint(hint: unknown): void
  /** Fails every call still open and to come. */
  end(why: AppError): void
}

export interface CallerOptions {
  /** Who serves, as failures name it. */
  readonly server: string
  /** Ends of different versions do not talk to each other. */
  readonly version: number
  readonly hearing: Hearing
  /** What the server says of its own accord. */
  readonly onNews?: ((news: unknown) => void) | undefined
  readonly onEnd?: ((why: AppError) => void) | undefined
}

/**
 * A server that dies, is of another version or cannot be understood fails every call still open and to come; `onEnd` hears
 * of it, once.
 */
export function createCaller(port: Port, { server, version, hearing, onNews, onEnd }: CallerOptions): Caller {
  interface Open extends Pick<Watching, 'onNews'> {
    readonly name: string
    readonly resolve: (output: unknown) => void
    readonly reject: (why: AppError) => void
    readonly forget: () => void
  }
  const open = new Map<number, Open>()
  const send = (command: Command) => port.postMessage(command)
  let lastId = 0
  let ended: AppError | undefined

  function end(why: AppError): void {
    if (ended) return
    ended = why
    for (const { reject, forget } of open.values()) {
      forget()
      reject(why)
    }
    open.clear()
    onEnd?.(why)
  }

  function close(id: number): Open | undefined {
    const call = open.get(id)
    call?.forget()
    open.delete(id)
    return call
  }

  function hear(data: unknown): void {
    const message = hearing.message(data)
    switch (message.type) {
      case 'ready':
        if (message.version !== version)
          end(
            new AppError(
              'version',
              `This page and its ${server} are of different versions: reload the page.`,
            ),
          )
        return
      case 'news': {
        const listener = message.id === null ? onNews : open.get(message.id)?.onNews
        listener?.(hearing.news(message.news))
        return
      }
      case 'done': {
        const call = open.get(message.id)
        if (!call) return
        const output = hearing.output(call.name, message.output)
        close(message.id)
        call.resolve(output)
        return
      }
      case 'failed':
        close(message.id)?.reject(new AppError(message.failure.code, message.failure.message))
        return
      default:
        message satisfies never
    }
  }

  port.addEventListener('message', (event) => {
    try {
      hear((event as MessageEvent).data)
    } catch (error) {
      end(error instanceof AppError ? error : new AppError('version', String(error)))
    }
  })
  port.addEventListener('error', (event) => {
    const why = (event as { message?: string }).message
    end(new AppError('worker', `The ${server} stopped${why ? `: ${why}` : ''}.`))
  })
  port.addEventListener('messageerror', () =>
    end(new AppError('worker', `A message of the ${server} could not be read.`)),
  )

  return {
    call(name, input, { signal, onNews } = {}) {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        if (signal?.aborted) return reject(new AppError('cancelled', 'Stopped.'))
        const id = ++lastId
        const cancel = () => send({ type: 'cancel', id })
        const forget = () => signal?.removeEventListener('abort', cancel)
        open.set(id, { name, resolve, reject, onNews, forget })
        signal?.addEventListener('abort', cancel)
        send({ type: 'call', id, name, input })
      })
    },
    hint: (hint) => send({ type: 'hint', hint }),
    end,
  }
}
