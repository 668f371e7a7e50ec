import type { Status } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { size } from '../phrases.ts'

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** Everything that this device keeps, counted. */
export function Stored({ status }: { status: Status }) {
  const { events, samples, bytes } = status
  return (
    <Panel title="Stored on this device">
      <dl class="figures">
        <Count name="Own samples" id="samples-local" value={samples.local} />
        <Count name="of those, opened" id="samples-clicks" value={samples.clicks} />
        <Count
          name="Borrowed samples, not yet scored"
          id="samples-matched"
          value={samples.matched - samples.filtered}
        />
        <Count name="Borrowed samples, kept" id="samples-filtered" value={samples.filtered} />
        <Count name="Events waiting to be sent" id="events-waiting" value={events.waiting} />
        <Count name="Events delivered" id="events-delivered" value={events.delivered} />
      </dl>
      <p class="quiet">
        Borrowed samples come from people with a taste like yours, without any name. {size(bytes.down)}{' '}
        received and {size(bytes.up)} sent so far.
      </p>
    </Panel>
  )
}

function Count({ name, id, value }: { name: string; id: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id} data-value={value}>
        {value}
      </dd>
    </div>
  )
}

const roles = {
  M: 'In use',
  M0: 'As delivered',
  Mbuf: 'In training',
} satisfies Record<Status['models'][number]['slot'], string>

/** The model files, and which of them ranks. */
export function Models({ models, serving }: Pick<Status, 'models' | 'serving'>) {
  return (
    <Panel title="Models">
      {models.length === 0 ? (
        <p>None yet.</p>
      ) : (
        <ul class="models">
          {models.map((model) => (
            <li key={model.slot} data-serving={serving?.slot === model.slot}>
              <span class="slot">{model.slot}</span>
              <span>
                <b>{roles[model.slot]}</b>
                {serving?.slot === model.slot && <em>ranks now</em>}
                <br />
                <span class="quiet">
                  version {model.version} · <code>{model.sha256.slice(0, 8)}</code> · {size(model.bytes)} ·{' '}
                  {when.format(model.at)}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
