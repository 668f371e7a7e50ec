/**
 * A slow line to a server: a relay on the loopback that delays and meters what passes. It shapes whatever a browser opens,
 * the connections of workers and service workers too, where the browser's own emulation shapes those of the page alone.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What Lighthouse calls slow 4G: 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back. */
export const SLOW_4G: Speed = { downBytesPerS: 200_000, upBytesPerS: 93_750, rttMs: 150 }

export interface Speed {
  readonly downBytesPerS: number
  readonly upBytesPerS: number
  readonly rttMs: number
}

export interface Line {
  readonly url: string
  /** Bytes that have come down so far. */
  down(): number
  /** Nobody is reached any more: connections end, and new ones are refused. */
  cut(): Promise<void>
}

/** Connections take turns by pieces of this many bytes, about two packets. */
const PIECE = 3000
/** A connection that has so much under way is not read from. */
const AHEAD = 64 << 10
/** A timer that comes late makes up for it, but for no more than that. */
const LATE_MS = 20

/** Relays to `target`, an `http://host:port`. */
export async function openLine(target: string, speed: Speed = SLOW_4G): Promise<Line> {
  const { hostname, port } = new URL(target)
  const down = createPipe(speed.downBytesPerS, speed.rttMs / 2)
  const up = createPipe(speed.upBytesPerS, speed.rttMs / 2)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {}) // closes it
      socket.on('close', () => sockets.delete(socket))
    }
    // Connecting takes one way there and back before anything can be said.
    setTimeout(() => up.carry(near, far), speed.rttMs)
    down.carry(far, near)
  })
  const mine = await listening(server)
  return {
    url: `http://localhost:${mine}`,
    down: down.carried,
    cut: () =>
      new Promise((closed) => {
        server.close(() => closed())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

interface Flow {
  readonly from: Socket
  readonly to: Socket
  waiting: Buffer[]
  bytes: number
  ended: boolean
}

/** One direction, shared by all connections: a piece of each in turn, at `bytesPerS`, each arriving `delayMs` later. */
function createPipe(bytesPerS: number, delayMs: number) {
  /** What has something to send, and what is on its way, in order. */
  const queue: Flow[] = []
  const travelling: { at: number; arrive: () => void }[] = []
  let carried = 0
  /** When the line has sent all that it was given. */
  let freeAt = 0
  let timer: NodeJS.Timeout | undefined

  function turn(): void {
    clearTimeout(timer)
    const now = performance.now()
    while (travelling[0] && travelling[0].at <= now) travelling.shift()!.arrive()
    freeAt = Math.max(freeAt, now - LATE_MS)
    for (let flow = queue[0]; flow && freeAt <= now; flow = queue[0]) {
      queue.shift()
      const { to } = flow
      const piece = next(flow)
      freeAt += (piece.length / bytesPerS) * 1000
      carried += piece.length
      travelling.push({ at: freeAt + delayMs, arrive: () => to.writable && to.write(piece) })
      if (flow.bytes > 0) queue.push(flow)
      else if (flow.ended) end(flow)
      if (flow.bytes < AHEAD) flow.from.resume()
    }
    const due = Math.min(
      travelling[0]?.at ?? Number.POSITIVE_INFINITY,
      queue.length > 0 ? freeAt : Number.POSITIVE_INFINITY,
    )
    if (due < Number.POSITIVE_INFINITY) timer = setTimeout(turn, Math.max(0, due - performance.now()))
  }

  function end({ to }: Flow): void {
    travelling.push({ at: Math.max(freeAt, performance.now()) + delayMs, arrive: () => to.end() })
  }

  return {
    carried: () => carried,
    carry(from: Socket, to: Socket): void {
      const flow: Flow = { from, to, waiting: [], bytes: 0, ended: false }
      from.on('data', (chunk: Buffer) => {
        if (flow.bytes === 0) queue.push(flow)
        flow.waiting.push(chunk)
        flow.bytes += chunk.length
        if (flow.bytes >= AHEAD) from.pause()
        turn()
      })
      from.on('end', () => {
        flow.ended = true
        if (flow.bytes === 0) end(flow)
        turn()
      })
      from.on('error', () => to.destroy())
    },
  }
}

function next(flow: Flow): Buffer {
  const [first] = flow.waiting as [Buffer, ...Buffer[]]
  const piece = first.subarray(0, PIECE)
  if (piece.length < first.length) flow.waiting[0] = first.subarray(PIECE)
  else flow.waiting.shift()
  flow.bytes -= piece.length
  return piece
}
