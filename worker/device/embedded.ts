/** The device worker of the package (`kindred/client`): where its trainer is, any bundler can read here. */
import '../../shared/no-eval.ts'
import { version } from '../../package.json'
import { serveHere } from './browser.ts'

serveHere({
  engines: version,
  open: () =>
    new Worker(new URL('../trainer/index.ts', import.meta.url), { type: 'module', name: self.name }),
})
