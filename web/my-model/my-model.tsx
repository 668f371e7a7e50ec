import '../style/my-model.css'
import { useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/failure.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import type { Feed } from '../feed/feed.ts'
import type { Install } from '../install.ts'
import { Fault, Icon, Panel, ViewTitle } from '../parts.tsx'
import { nextRound, origin, runPhase } from '../phrases.ts'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'
import { Forget } from './forget.tsx'
import { LastRound, PastRounds } from './rounds.tsx'
import { Samples } from './samples.tsx'
import { Sharing } from './sharing.tsx'
import { Models, Stored } from './stored.tsx'
import { Takeout } from './takeout.tsx'

export interface MyModelProps {
  device: DeviceApi
  feed: Feed
  install: Install
  status: Status | null
}

/** What the device holds and does for its user, and the buttons over it. */
export function MyModel({ device, feed, install, status }: MyModelProps) {
  const state = useStore(feed.state)
  const noun = state.phase === 'ready' ? state.catalogue.noun : 'story'
  return (
    <div class="my-model">
      <ViewTitle>{t.app.myModel}</ViewTitle>
      {!status && state.phase === 'failed' && (
        <Fault failure={state.failure} retry={() => void feed.start()} />
      )}
      {!status && state.phase !== 'failed' && <p class="quiet">The device worker is starting…</p>}
      {status && (
        <>
          <Overview device={device} status={status} noun={noun} />
          {status.rounds[0] && <LastRound round={status.rounds[0]} noun={noun} />}
          <Stored status={status} />
          <Models models={status.models} serving={status.serving} />
          {status.rounds.length > 1 && <PastRounds rounds={status.rounds.slice(1)} />}
        </>
      )}
      <InstallPanel install={install} />
      {status && state.phase === 'ready' && (
        <Samples
          device={device}
          catalogue={state.catalogue}
          counts={{ own: status.samples.local, borrowed: status.samples.matched }}
        />
      )}
      {status && <Sharing device={device} sharing={status.sharing} />}
      {status && <Takeout device={device} onBroughtIn={() => feed.restart()} />}
      {status && (
        <Forget
          device={device}
          status={status}
          onForget={{ before: () => feed.flush(), after: () => feed.restart() }}
        />
      )}
    </div>
  )
}

function Overview({ device, status, noun }: { device: DeviceApi; status: Status; noun: string }) {
  const [failure, setFailure] = useState<Failure | null>(null)
  const own = origin(status) === 'own'
  const run = runPhase(status.run)
  const act = (call: () => Promise<unknown>) => {
    setFailure(null)
    call().catch((error) => setFailure(toFailure(error)))
  }
  return (
    <section class="panel overview" aria-label="Now">
      <p class="lead">{headline(status)}</p>
      {run ? (
        <div class="run">
          <p id="run-text">{run.text}…</p>
          {run.fraction === null ? (
            <progress aria-labelledby="run-text" />
          ) : (
            <progress aria-labelledby="run-text" value={run.fraction} max={1} />
          )}
        </div>
      ) : (
        <p>{nextRound(status.waitingFor, noun) ?? 'The next round can begin.'}</p>
      )}
      <div class="actions">
        <button
          type="button"
          class="button primary"
          disabled={run !== null || !status.serving}
          onClick={() => act(() => device.train(null))}
        >
          <Icon name="train" /> Train now
        </button>
        <button
          type="button"
          class="button"
          disabled={run !== null || !own}
          onClick={() => act(() => device.rollback(null))}
        >
          <Icon name="again" /> Back to the delivered model
        </button>
      </div>
      <label class="switch">
        <input
          type="checkbox"
          checked={status.learning}
          onChange={({ currentTarget }) => act(() => device.learn({ on: currentTarget.checked }))}
        />
        <span>Learn by itself, when there is something new</span>
      </label>
      {failure && <Fault failure={failure} />}
      {!failure && status.failure && status.online && <Fault failure={status.failure} />}
    </section>
  )
}

function headline(status: Status): string {
  switch (origin(status)) {
    case 'own':
      return `A model trained on this device ranks your feed (version ${status.serving?.version}).`
    case 'delivered':
      return 'The shared model ranks your feed; yours will start from it.'
    case 'none':
      return status.online
        ? 'The first model is on its way to this device.'
        : 'You are offline, and no model is stored here yet.'
  }
}

function InstallPanel({ install }: { install: Install }) {
  switch (useStore(install.state)) {
    case 'offered':
      return (
        <Panel title="On your home screen">
          <p>
            Installed, Kindred opens like any app, works offline, and your browser keeps what it has learnt.
          </p>
          <button type="button" class="button" onClick={() => void install.ask()}>
            <Icon name="install" /> Install Kindred
          </button>
        </Panel>
      )
    case 'by-hand':
      return (
        <Panel title="On your home screen">
          <p>
            In Safari, tap <b>Share</b>, then <b>Add to Home Screen</b>. Without that, Safari erases what
            Kindred has learnt after seven days without a visit.
          </p>
        </Panel>
      )
    default:
      return null
  }
}
