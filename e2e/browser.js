/**
 * Gets the browsers that the tests run in where they are missing, and says which they are; with `--dry-run` it only says
 * what it would do. `node e2e/browser.js chromium` asks for that one alone.
 */
import { browsers, ensure } from './browsers/find.js'
import { thisMachine } from './browsers/machine.js'

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
try {
  for (const kind of /** @type {import('./browsers/find.js').Kind[]} */ (Object.keys(browsers))) {
    if (asked.length > 0 && !asked.includes(kind)) continue
    const found = ensure(kind, thisMachine, { dryRun: process.argv.includes('--dry-run') })
    if (found)
      console.log(`The browser tests run in ${found.version} (${found.executablePath}, from ${found.from}).`)
  }
} catch (error) {
  console.error(/** @type {Error} */ (error).message)
  process.exitCode = 1
}
