/** A real Chromium on a profile that outlives it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { CHROMIUM_ARGS } from '../browsers/chromium.ts'
import { type Program, start } from '../browsers/program.ts'

export interface StoredModel {
  readonly slot: string
  /** The hash that its row names, and that of its bytes; null where there are none. */
  readonly sha256: string
  readonly actual: string | null
}

export interface Stored {
  readonly models: readonly StoredModel[]
  /** Names of the behaviours that wait to be sent. */
  readonly marks: readonly string[]
  /** Its name on the server. */
  readonly device: string | null
  /** Of its rounds. */
  readonly outcomes: readonly string[]
}

/** What the device does, in the words of its status. */
export interface Run {
  readonly phase: string
  readonly fraction?: number
  /** Of its newest rounds. */
  readonly outcomes: readonly string[]
}

/** The page's part: see page.js. */
declare global {
  var callDevice: (name: string, input: unknown) => Promise<unknown>
  var ranked: Promise<number>
  var readStored: () => Promise<Stored | null>
  var onDeviceNews: ((run: Run) => void) | undefined
}

/** A feed that is not there by then never will be, ms. */
const RANKS_WITHIN_MS = 60_000

export type Kill = 'browser' | 'renderer'

export interface Profile {
  /** A fresh tab at `url`, in the browser that runs or in a new one. */
  open(url: string): Promise<void>
  /** Goes on to `url` in that tab; done when the navigation has begun. */
  goto(url: string): Promise<void>
  /** Milliseconds from the navigation to the first ranked card. Throws where there is none within a minute. */
  ranked(): Promise<number>
  /** Item keys of the cards in the feed. */
  cards(): Promise<string[]>
  /** A call of the device, as the page makes it. */
  call(name: string, input?: unknown): Promise<unknown>
  /** What lies on the disk; null where nothing does yet. */
  stored(): Promise<Stored | null>
  /** `listener` hears what the device does from now on, and nobody else. */
  onRun(listener: (run: Run) => void): void
  /** Ends the whole browser by SIGKILL, or crashes the renderer that page and workers live in. */
  kill(kill: Kill): Promise<void>
  /** Ends whatever runs. */
  end(): Promise<void>
}

export function createProfile(executablePath: string, folder: string): Profile {
  let browser: Program | undefined
  let context: BrowserContext | undefined
  let page: Page
  let hear = (_: Run): void => {}

  async function launch(): Promise<BrowserContext> {
    const args = ['--headless=new', '--disable-breakpad', '--remote-debugging-port=0']
    browser = start(executablePath, [...CHROMIUM_ARGS, ...args, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const connection = await chromium.connectOverCDP(await endpointOf(browser))
    const launched = connection.contexts()[0]!
    await launched.exposeFunction('onDeviceNews', (run: Run) => hear(run))
    await launched.addInitScript(await readFile(join(import.meta.dirname, 'page.js'), 'utf8'))
    return launched
  }

  async function end(): Promise<void> {
    await browser?.kill()
    browser = context = undefined
  }

  const cards = () => page.locator('[data-testid="feed"] article')
  const goto = async (url: string) => void (await page.goto(url, { waitUntil: 'commit' }))

  return {
    async open(url) {
      context ??= await launch()
      page = await context.newPage()
      await goto(url)
    },
    goto,
    async ranked() {
      await cards().first().waitFor({ timeout: RANKS_WITHIN_MS })
      return page.evaluate(() => globalThis.ranked)
    },
    cards: () => cards().evaluateAll((cards) => cards.map((card) => card.getAttribute('data-item')!)),
    call: (name, input = null) =>
      page.evaluate(([name, input]) => globalThis.callDevice(name, input), [name, input] as const),
    stored: () => page.evaluate(() => globalThis.readStored()),
    onRun(listener) {
      hear = listener
    },

    async kill(kill) {
      if (kill === 'browser') return end()
      const devtools = await context!.newCDPSession(page)
      const crashed = page.waitForEvent('crash', { timeout: 30_000 })
      devtools.send('Page.crash').catch(() => {})
      await crashed
      await page.close()
    },
    end,
  }
}

/** Where the browser says that it can be driven. */
function endpointOf({ child, ended }: Program): Promise<string> {
  return new Promise((found, failed) => {
    let output = ''
    ;(child.stderr as Readable).on('data', (chunk: Buffer) => {
      output += chunk
      const endpoint = /DevTools listening on (ws:\S+)/.exec(output)
      if (endpoint) found(endpoint[1]!)
    })
    void ended.then(() => failed(new Error(`Chromium ended before it could be driven:\n${output}`)))
  })
}
