/** WebKitGTK's MiniBrowser, by its WebDriver, on an X server of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Builder } from 'selenium-webdriver'
import type { Found } from './find.js'
import { foundOf, type Program, start } from './program.ts'
import { answered, asked, CALL, callIt, PATIENCE_MS, type Tab } from './tab.ts'

export async function openWebKit(found: Found): Promise<Tab> {
  /** What is to be undone, the newest first. */
  const undo: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const home = await mkdtemp(join(tmpdir(), 'kindred-webkit-'))
    undo.push(() => rm(home, { recursive: true, force: true }))
    const display = start(
      found.display!,
      ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    )
    undo.push(() => display.kill())
    const port = await freePort()
    const driver = start(found.driver!, [`--port=${port}`, '--host=127.0.0.1'], {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        XDG_RUNTIME_DIR: home,
        DISPLAY: `:${await displayOf(display)}`,
        GDK_BACKEND: 'x11',
        LIBGL_ALWAYS_SOFTWARE: '1',
        NO_AT_BRIDGE: '1',
      },
    })
    undo.push(() => driver.kill())
    const server = `http://127.0.0.1:${port}`
    await foundOf(driver, () => answering(`${server}/status`), 'WebKitWebDriver ended before it answered.')
    const session = await new Builder()
      .usingServer(server)
      .disableEnvironmentOverrides()
      .withCapabilities({
        browserName: 'MiniBrowser',
        'webkitgtk:browserOptions': {
          binary: found.executablePath,
          args: ['--automation', '--features=StorageAPI,StorageAPIEstimate,FileSystem'],
        },
      })
      .build()
    // A page that is still computing does not answer; the kill that follows does not ask.
    undo.push(() =>
      Promise.race([session.quit().catch(() => {}), new Promise((done) => setTimeout(done, 5000))]),
    )
    await session.manage().setTimeouts({ script: PATIENCE_MS, pageLoad: 60_000 })
    const execute = async (script: string, ...args: unknown[]) =>
      answered(await session.executeAsyncScript(script, ...args))
    return {
      version: `WebKitGTK ${(await session.getCapabilities()).get('browserVersion')}`,
      async goto(url) {
        await session.get(url)
        await session.executeAsyncScript(LOADED)
      },
      evaluate: (name, ...args) => execute(asked(CALL), name, args),
      perform: (act, ...input) => execute(asked(callIt(act, input))) as Promise<never>,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The driver may say that a page is there when its modules have not run yet. */
const LOADED = `
  const [answer] = arguments
  if (document.readyState === 'complete') answer()
  else addEventListener('load', () => answer())`

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })
}

/** The number of the display that Xvfb has chosen. */
function displayOf({ child, ended }: Program): Promise<string> {
  return new Promise((done, failed) => {
    ;(child.stdio[3] as Readable).once('data', (chunk: Buffer) => done(String(chunk).trim()))
    void ended.then(() => failed(new Error('Xvfb ended before it had a display.')))
  })
}

async function answering(url: string): Promise<true | undefined> {
  const response = await fetch(url).catch(() => undefined)
  return response?.ok || undefined
}
