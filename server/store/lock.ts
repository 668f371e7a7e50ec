/** One process at a time may have a data folder: a socket that the kernel closes with its process, however that ends. */
import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../shared/failure.ts'

/** Takes the folder, which must exist, and gives the way to release it. Throws `storage` if it is taken. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const name = `kindred-${createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 24)}`
  const windows = process.platform === 'win32'
  const path = windows ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`)
  let server = await bind(path)
  if (!server && !(await answers(path))) {
    // Nobody is behind it: its process was killed.
    if (!windows) rmSync(path, { force: true })
    server = await bind(path)
  }
  if (!server)
    throw new AppError(
      'storage',
      `The data folder ${folder} is in use by another Kindred: stop that one first.`,
    )
  const taken = server
  return () => new Promise((resolve) => taken.close(() => resolve()))
}

/** Undefined where the name is in use. */
function bind(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
