// The trainer of thread.ts, whose sources are TypeScript as everywhere.
import { register } from 'tsx/esm/api'

register()
await import('./thread-main.ts')
