/** The same site in React, bundled by Vite. */
import { createKindred, type Status, watchExposures } from 'kindred/client'
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { stories } from '../stories.js'
import { useRanked } from './use-ranked.ts'

const server = new URLSearchParams(location.search).get('server') ?? 'http://localhost:8787'
const kindred = createKindred({ server })
const exposures = watchExposures(kindred)

function Paper() {
  const ranking = useRanked(kindred, stories)
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  const [forgotten, setForgotten] = useState<string>()

  function open(key: string) {
    setOpened(new Set(opened).add(key))
    void exposures.click(key)
  }
  async function forget() {
    const { here, server } = await kindred.forget()
    setOpened(new Set())
    setForgotten(`${here.events} here, ${server?.events ?? 0} there`)
  }
  return (
    <>
      <h1>The Slow Paper</h1>
      <div className="state">
        <State />
        <button type="button" onClick={forget}>
          Forget me
        </button>
      </div>
      <ol data-by={ranking ? (ranking.by?.origin ?? 'nobody') : undefined} data-forgotten={forgotten}>
        {(ranking?.order ?? stories).map(({ key, title, topic }) => (
          <li key={key} data-key={key} ref={(item) => (item ? exposures.observe(item, key) : undefined)}>
            <button type="button" aria-pressed={opened.has(key)} onClick={() => open(key)}>
              {title}
              <small>{topic}</small>
            </button>
          </li>
        ))}
      </ol>
    </>
  )
}

const SAYS = { own: 'Ranked by your own model', delivered: 'Ranked by the paper’s model' }

function State() {
  const [status, setStatus] = useState<Status>()
  useEffect(() => kindred.onStatus(setStatus), [])
  if (!status) return <output>…</output>
  const { phase, waitingFor, missing, model } = status
  if (phase === 'filtering' || phase === 'training') return <output>Learning …</output>
  const next = waitingFor === 'clicks' ? ` · ${missing} more to learn from` : ''
  return <output>{model ? SAYS[model.origin] + next : 'As it came'}</output>
}

createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <Paper />
  </StrictMode>,
)
