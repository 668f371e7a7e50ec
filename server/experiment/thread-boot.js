// A thread of threads.ts, whose sources are TypeScript as everywhere.
import { register } from 'tsx/esm/api'

register()
await import('./thread-main.ts')
