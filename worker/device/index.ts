/** The device worker of the app. */
import '../../shared/no-eval.ts'
import { scriptAddress } from '../../shared/trusted.ts'
import trainerUrl from '../trainer/index.ts?worker&url'
import { serveHere } from './browser.ts'

serveHere({
  // The name of the trainer's script has a hash of all its code in it, the engines' too.
  engines: trainerUrl,
  open: () => new Worker(scriptAddress(trainerUrl), { type: 'module', name: self.name }),
})
