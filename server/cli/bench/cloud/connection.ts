/** A client that takes little of the machine that it shares with the server: raw HTTP/1.1 over kept connections. */
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** The value of a header; undefined where it is absent. */
  header(name: string): string | undefined
  readonly body: Buffer
}

/** One connection with one request under way at a time; opened when it is needed, and again after the server closed it. */
export interface Connection {
  /** Fails if the connection fails before the answer is whole. */
  send(request: Buffer): Promise<Answer>
  close(): void
}

export interface Target {
  readonly host: string
  readonly port: number
  /** The address that the connection comes from. */
  readonly localAddress?: string
}

export interface RequestParts {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly credential?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** The bytes of a request, made once and sent as often as one likes. */
export function requestOf(
  path: string,
  { method = 'GET', credential, headers = {}, body }: RequestParts = {},
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    ...(credential === undefined ? [] : [`authorization: Bearer ${credential}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`content-length: ${body.length}`] : []),
  ]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  return body ? Buffer.concat([head, body]) : head
}

const END_OF_HEAD = '\r\n\r\n'

export function openConnection({ host, port, localAddress }: Target): Connection {
  let socket: Socket | undefined
  let heard: Buffer = Buffer.alloc(0)
  /** Whether this connection has brought an answer before. */
  let used = false
  let waiting: { request: Buffer; resolve(answer: Answer): void; reject(error: Error): void } | undefined

  function lost(error: Error): void {
    // As browsers do: the server may have closed a kept connection in the very moment when it was used again.
    const again = used && heard.length === 0
    socket = undefined
    used = false
    heard = Buffer.alloc(0)
    if (again && waiting) write(waiting.request)
    else {
      waiting?.reject(error)
      waiting = undefined
    }
  }

  function hear(bytes: Buffer): void {
    heard = heard.length === 0 ? bytes : Buffer.concat([heard, bytes])
    const read = answerIn(heard)
    if (!read) return
    heard = heard.subarray(read.length)
    used = true
    const asked = waiting
    waiting = undefined
    asked?.resolve(read.answer)
  }

  function open(): Socket {
    const opened = connect({ host, port, ...(localAddress !== undefined && { localAddress }), noDelay: true })
    opened.on('data', hear)
    opened.on('error', (error) => socket === opened && lost(error))
    opened.on('close', () => socket === opened && lost(new Error('The server closed the connection.')))
    return opened
  }

  function write(request: Buffer): void {
    socket ??= open()
    socket.write(request)
  }

  return {
    send(request) {
      if (waiting) throw new RangeError('a request is under way on this connection')
      return new Promise((resolve, reject) => {
        waiting = { request, resolve, reject }
        write(request)
      })
    },
    close() {
      const closing = socket
      socket = undefined
      closing?.destroy()
    },
  }
}

/** The first answer in `bytes`, if it is whole, and how many bytes it takes. */
export function answerIn(bytes: Buffer): { answer: Answer; length: number } | undefined {
  const end = bytes.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const header = (name: string) => {
    const from = head.toLowerCase().indexOf(`\r\n${name}:`)
    if (from < 0) return undefined
    const value = head.slice(from + name.length + 3)
    return value.slice(0, value.indexOf('\r\n') < 0 ? undefined : value.indexOf('\r\n')).trim()
  }
  const status = Number(head.slice(9, 12))
  if (header('transfer-encoding') !== undefined) throw new RangeError('an answer in chunks is not read here')
  const bodyless = status === 204 || status === 304
  const length = end + END_OF_HEAD.length + (bodyless ? 0 : Number(header('content-length') ?? 0))
  if (bytes.length < length) return undefined
  return { answer: { status, header, body: bytes.subarray(end + END_OF_HEAD.length, length) }, length }
}
