/** Everything that the console says, in English: the source, whose shape every other language has. */
import { createGrammar } from '../../strings/grammar.ts'

const { count, list, number } = createGrammar('en')
const ors = new Intl.ListFormat('en', { type: 'disjunction' })
const device = { one: 'device', other: 'devices' }
const version = (number: number | null) => (number === null ? 'nothing' : `v${number}`)
const share = (percent: number) => `${number(percent)}%`

export const en = {
  name: 'Kindred console',
  /** Beside the mark. */
  short: 'console',
  skip: 'Skip to the content',
  views: 'Views',
  loading: 'Loading…',
  again: 'Try again',
  refresh: 'Refresh',
  cancel: 'Cancel',
  signOut: 'Sign out',
  none: 'None',
  version,
  share,
  /** “rank v2” */
  of: (task: string, number: number) => `${task} v${number}`,
  by: (who: string, when: string) => `${who}, ${when}`,
  /** What somebody said as a reason. */
  why: (why: string) => `“${why}”`,
  offline: 'The server does not answer. Nothing was changed that is not said here.',

  view: {
    releases: 'Releases',
    tasks: 'Tasks',
    devices: 'Devices',
    experiments: 'Experiments',
    health: 'Health',
    ledger: 'Ledger',
  },

  signIn: {
    title: 'Sign in',
    about:
      'This console is for who runs the server. The credential stays in this tab and is gone when it is closed.',
    who: 'Your name',
    whoAbout: 'It stands in the ledger beside everything that you change.',
    credential: 'Admin credential',
    credentialAbout: 'What the server reads from its --admin-credential-file.',
    enter: 'Sign in',
    entering: 'Signing in…',
    wrong: 'That is not the admin credential of this server.',
    absent: 'This server has no admin credential: it has to be started with --admin-credential-file.',
    tooMany: 'Too many requests from here. Wait a little, then try again.',
  },

  /** Which devices: after “Goes to”. */
  rule: {
    all: 'all devices',
    some: (clause: string) => `devices ${clause}`,
    shareOfAll: (percent: number) => `${share(percent)} of all devices`,
    shareOf: (percent: number, clause: string) => `${share(percent)} of the devices ${clause}`,
    app: (range: string) => `with an app of version ${range}`,
    platform: (names: readonly string[]) => `on ${ors.format(names)}`,
    country: (names: readonly string[]) => `in ${ors.format(names)}`,
    language: (names: readonly string[]) => `that speak ${ors.format(names)}`,
    capabilities: (names: readonly string[]) => `that can do ${list(names)}`,
    since: (day: string) => `that came on ${day} or later`,
    before: (day: string) => `that came before ${day}`,
    bucket: (from: number, to: number, salt: string) => `from ${from} to under ${share(to)} by “${salt}”`,
    devices: (ids: readonly string[]) =>
      ids.length === 1 ? `with the id ${ids[0]}` : `with one of ${number(ids.length)} ids`,
    everyone: 'of everybody',
    both: (clauses: readonly string[]) => list(clauses),
    either: (clauses: readonly string[]) => ors.format(clauses),
    not: (clause: string) => `not ${clause}`,
  },

  release: {
    goesTo: (whom: string) => `Goes to ${whom}.`,
    willGoTo: (whom: string, when: string) => `Will go to ${whom} from ${when} on.`,
    wentTo: (whom: string) => `Went to ${whom}.`,
    stages: 'Still to come',
    stage: (percent: number, when: string) => `${share(percent)} from ${when} on`,
    until: (when: string) => `Ends by itself on ${when}.`,
    paused: (when: string) => `Paused since ${when}: who has it keeps it, nobody else gets it.`,
    revoked: (when: string) => `Rolled back on ${when}.`,
    ended: (when: string) => `Ended by itself on ${when}.`,
    reaches: (reaches: number, devices: number, hit: number) =>
      `Reaches ${number(reaches)} of ${count(devices, { one: 'known device', other: 'known devices' })}; its rule hits ${number(hit)}`,
    state: {
      running: 'running',
      planned: 'planned',
      paused: 'paused',
      revoked: 'rolled back',
      ended: 'ended',
    },
    number: (id: number) => `Release ${number(id)}`,
    known: (devices: number) => `${count(devices, { one: 'known device', other: 'known devices' })}`,
    noneYet: 'Nothing is released yet.',
    over: (n: number) => `${count(n, { one: 'release', other: 'releases' })} that are over`,
    add: 'Release a version',
    pause: 'Pause',
    resume: 'Resume',
    widen: 'Widen',
    rollBack: (version: number) => `Roll back v${version}`,
    ofRelease: (task: string, id: number) => `of ${task}, release ${number(id)}`,
    killed: (task: string) => `${task} is killed: no device has any version of it, whatever is released.`,
    revive: 'Lift the kill switch',
  },

  /** What is asked before a change. */
  ask: {
    reach: (reaches: number, devices: number) =>
      `Would reach ${number(reaches)} of ${count(devices, { one: 'known device', other: 'known devices' })}.`,
    later: (reaches: number, devices: number, when: string) =>
      `By ${when}: ${number(reaches)} of ${number(devices)}.`,
    move: (task: string, from: number | null, to: number | null, devices: number) =>
      `${task}: ${version(from)} → ${version(to)} on ${count(devices, device)}`,
    arm: (arm: string, devices: number) => `${arm}: ${count(devices, device)}`,
    why: 'Why?',
    whyAbout: 'It stands in the ledger for ever.',
    working: 'Being done…',
    done: (n: number) => `Done. It is line ${number(n)} of the ledger.`,
    noted: 'Done.',
    rollBack: {
      title: (task: string, version: number) => `Roll back ${task} v${version}?`,
      about: (id: number) =>
        `Release ${number(id)} ends for good. At their next contact, its devices go back to what they have without it.`,
      yes: (version: number) => `Roll back v${version}`,
      why: 'Rolled back from the console',
    },
    pause: {
      title: (task: string, version: number) => `Pause the release of ${task} v${version}?`,
      about: 'Who has it keeps it, nobody else gets it, until it is resumed.',
      yes: 'Pause it',
    },
    resume: {
      title: (task: string, version: number) => `Resume the release of ${task} v${version}?`,
      about: 'What was still to come comes as much later as it was paused.',
      yes: 'Resume it',
    },
    widen: {
      title: (task: string, version: number) => `Widen the release of ${task} v${version}?`,
      yes: 'Widen it',
    },
    add: {
      title: (task: string, version: number) => `Release ${task} v${version}?`,
      yes: 'Release it',
    },
    kill: {
      title: (task: string) => `Kill ${task}?`,
      about:
        'At their next contact, all devices drop every version of it, whatever is released, until this is lifted.',
      yes: 'Kill it everywhere',
    },
    revive: {
      title: (task: string) => `Lift the kill switch of ${task}?`,
      about: 'Its releases go on as they are.',
      yes: 'Lift it',
    },
    approve: {
      title: (task: string, version: number) => `Approve ${task} v${version}?`,
      about: 'It is signed with the approver’s key, and may be released then.',
      yes: 'Approve it',
    },
    withdraw: {
      title: (task: string, version: number) => `Withdraw the approval of ${task} v${version}?`,
      about: 'It may not be released any more, and no device loads it anew.',
      yes: 'Withdraw it',
    },
    restore: {
      title: (task: string, version: number) => `Restore ${task} v${version}?`,
      about: 'Its files become the next version, which has to be approved and released like any other.',
      yes: 'Restore it',
    },
    begin: { title: (task: string) => `Begin an experiment on ${task}?`, yes: 'Begin it' },
    end: {
      title: (id: number) => `End experiment ${number(id)}?`,
      about: 'Its devices go back to what they have without it. Its figures stay.',
      yes: 'End it',
    },
  },

  /** Forms of releases and experiments. */
  form: {
    task: 'Task',
    version: 'Version',
    noneApproved: 'No version is approved. Approve one first, in its history.',
    rule: 'Which devices',
    everyone: 'All',
    byRule: 'By a rule',
    ruleText: 'Rule, as JSON',
    ruleAbout: 'docs/tasks.md lists its parts.',
    notJson: 'This is not JSON.',
    stages: 'Share of them',
    percent: (n: number) => `Percent, stage ${number(n)}`,
    from: (n: number) => `From, stage ${number(n)}`,
    fromAbout: 'Without a moment: from now on.',
    moreStages: 'One more stage',
    fewerStages: 'Remove the last stage',
    until: 'Ends by itself (may stay empty)',
    try: 'See what it would do',
    arms: 'Arms',
    armName: (n: number) => `Name of arm ${number(n)}`,
    armVersion: (n: number) => `Version of arm ${number(n)}`,
    armPercent: (n: number) => `Percent of arm ${number(n)}`,
    asWithout: 'as without',
    moreArms: 'One more arm',
    fewerArms: 'Remove the last arm',
    holdout: 'Holdout, percent',
    seed: 'Seed',
    seedAbout: 'Who is in which arm follows from it and the device alone.',
    begins: 'Begins (may stay empty: now)',
  },

  tasks: {
    noneYet: 'No task was submitted yet: kindred task submit, or POST /api/admin/tasks.',
    newest: (version: number, when: string) => `Newest: v${version}, ${when}`,
    approved: (versions: readonly string[]) => `Approved: ${versions.length ? list(versions) : 'none'}`,
    released: (versions: readonly string[]) => `Released: ${versions.length ? list(versions) : 'none'}`,
    approvedUntil: (when: string) =>
      `What is approved counts until ${when}; approving anything once more renews all of it.`,
    history: 'History',
    historyOf: (task: string) => `${task}: history`,
    noTask: (task: string) => `There is no task ${task}.`,
    isApproved: 'approved',
    notApproved: 'not approved',
    isReleased: 'released',
    isKilled: 'killed',
    restores: (version: number) => `the files of v${version}`,
    approve: 'Approve',
    withdraw: 'Withdraw approval',
    restore: 'Restore',
    release: 'Release',
    compare: (version: number) => `Compare with v${version}`,
    ofVersion: (version: number) => `v${version}`,
    compareAny: 'Compare two versions',
    older: 'From',
    newer: 'To',
    show: 'Show the difference',
    killSwitch: 'Kill switch',
    killAbout: 'Takes the task from all devices at their next contact, whatever is released.',
    killedNow: 'It is on: no device has this task.',
    kill: 'Kill this task',
  },

  diff: {
    title: (task: string, older: number, newer: number) => `${task}: v${older} → v${newer}`,
    back: (task: string) => `History of ${task}`,
    manifest: 'Manifest',
    script: 'Script',
    model: 'Initial model',
    path: 'Where',
    before: 'Before',
    after: 'After',
    same: 'The same.',
    models: {
      same: 'The same.',
      added: 'There was none; now there is one.',
      removed: 'There is none any more.',
      changed: 'Another one.',
    },
    added: 'added',
    removed: 'removed',
  },

  devices: {
    about: (devices: number) =>
      `What the ${count(devices, { one: 'known device', other: 'known devices' })} were given when they last asked.`,
    noneYet: 'No device has asked for tasks yet.',
    version: 'Version',
    devices: 'Devices',
    none: 'none',
    of: (devices: number, percent: string) => `${number(devices)} (${percent})`,
  },

  experiments: {
    noneYet: 'There is no experiment yet.',
    add: 'Begin an experiment',
    title: (id: number, task: string) => `Experiment ${number(id)} on ${task}`,
    with: (whom: string) => `With ${whom}.`,
    running: (since: string) => `Running since ${since}.`,
    planned: (from: string) => `Begins on ${from}.`,
    ended: (from: string, to: string) => `Ran from ${from} to ${to}.`,
    until: (when: string) => `Ends by itself on ${when}.`,
    arm: (name: string, version: number | null, percent: number) =>
      `${name}: ${share(percent)}, ${version === null ? 'as without the experiment' : `v${version}`}`,
    end: 'End it',
    figures: 'Figures',
    none: (id: number) => `There is no experiment ${number(id)}.`,
    noFigures: 'Nobody in it has seen anything yet.',
    baseline: (arm: string) => `Compared with ${arm}, over all days. Intervals are of 95%, over users.`,
    mixed: (users: number) =>
      `${count(users, { one: 'user whose devices are', other: 'users whose devices are' })} in two arms count in none.`,
    total: 'In all',
    perDay: 'Day by day',
    users: 'Users (exp UV)',
    exposures: 'Impressions (exp PV)',
    clicks: 'Clicks (clk PV)',
    clickers: 'Users who clicked (clk UV)',
    metric: {
      ctr: 'CTR: clk PV / exp PV',
      clicksPerUser: 'Clicks per user: clk PV / exp UV',
      clickerShare: 'Users who click: clk UV / exp UV',
    },
    against: (percent: string) => `${percent} against the baseline`,
    summary: (days: number, arms: number) =>
      `${count(arms, { one: 'arm', other: 'arms' })} over ${count(days, { one: 'day', other: 'days' })}; bars are 95% intervals.`,
    numbers: 'The numbers',
    day: 'Day',
    arms: 'Arm',
    value: 'Value',
    interval: '95% interval',
  },

  health: {
    noneYet: 'No device has told of a run yet.',
    notThere: 'This server does not count runs.',
    about: (days: number) =>
      `Runs of tasks that the server heard of in the last ${count(days, { one: 'day', other: 'days' })}.`,
    runs: (runs: number) => count(runs, { one: 'run', other: 'runs' }),
    outcomes: {
      done: 'done',
      refused: 'asked for what it may not',
      failed: 'failed',
      late: 'too late',
      stopped: 'stopped',
    },
    failures: 'Failures by kind',
    kind: 'Kind',
    noFailures: 'None failed.',
    time: 'Time of a run, seconds',
    bytes: 'Bytes of a run, kB',
    failed: 'Runs that failed, percent',
    median: 'Median',
    p95: '95 of 100 below',
    share: 'Share',
    summary: (days: number) =>
      `Median of each day over ${count(days, { one: 'day', other: 'days' })}; bars reach up to what 95 of 100 runs stay below.`,
    shareSummary: (days: number) =>
      `Of each day’s runs that were not stopped, over ${count(days, { one: 'day', other: 'days' })}.`,
    alarm: (version: number, failed: string, before: string, against: number) =>
      `v${version} fails more often than v${against}: ${failed} of its runs, against ${before}.`,
    version: 'Version',
  },

  ledger: {
    about: 'Who changed what, when and why. Nothing here can be changed or removed.',
    noneYet: 'Nothing was changed yet.',
    older: 'Older',
    newest: 'Newest',
    change: {
      release: (task: string, version: number, whom: string) => `Released ${task} v${version} to ${whom}`,
      stages: (id: number, stages: readonly string[]) =>
        `Planned release ${number(id)} anew: ${list(stages)}`,
      pause: (id: number) => `Paused release ${number(id)}`,
      resume: (id: number) => `Resumed release ${number(id)}`,
      revoke: (id: number) => `Rolled back release ${number(id)}`,
      kill: (task: string) => `Killed ${task}`,
      revive: (task: string) => `Lifted the kill switch of ${task}`,
      approve: (task: string, version: number) => `Approved ${task} v${version}`,
      withdraw: (task: string, version: number) => `Withdrew the approval of ${task} v${version}`,
      experiment: (task: string, arms: readonly string[]) =>
        `Began an experiment on ${task}: ${arms.join('; ')}`,
      end: (id: number) => `Ended experiment ${number(id)}`,
    },
  },
}

export type Words = typeof en
