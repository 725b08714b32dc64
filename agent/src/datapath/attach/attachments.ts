import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { BpfError } from '@iovisor-ovn/libbpf';
import type { Log } from '../../netlink/index.js';
import type { Damages } from '../audit/damages.js';
import type { Difference } from '../audit/difference.js';
import { TimeSlice } from '../timeSlice.js';
import type { Attachable, Hook, Role } from './hook.js';
import type { Succession } from './succession.js';
import { WakefulPause } from './wakefulPause.js';

export interface AttachmentsOptions {
  /** The hook in use. */
  hook: Hook;
  /** Hooks that an earlier run of the agent may have used: cleared once the one in use has taken over. */
  others: readonly Hook[];
  /** A quick one of the others, for taps until the hook in use has taken over. */
  stopgap: Hook | undefined;
  programs: Readonly<Record<Role, Attachable>>;
  /** While it waits no device that carries a program gets another, nor by another hook. */
  succession: Pick<Succession, 'waits' | 'end'>;
  /** Are told of devices that somebody else took a program off. */
  damages: Damages;
  /** What a device is called, for people. */
  deviceName(ifindex: number): string;
  /** Whether there is such a device at this moment, as the kernel says. */
  isThere(ifindex: number): boolean;
  log: Log;
}

export interface AttachmentsEvents {
  /** These devices came to carry the program of this role, or ceased to. */
  changed: [role: Role, ifindexes: readonly number[]];
}

/** A device and the role of a program there. */
export interface KnownDevice {
  readonly role: Role;
  readonly ifindex: number;
}

/** A device that does not carry what it should, or not in a way that outlives the agent. */
export interface AttachmentDifference extends Difference, KnownDevice {}

interface Device extends KnownDevice {
  wanted: boolean;
  /** What it carries has to be asked of the kernel. */
  unsure: boolean;
  /** Hooks by which it carries our program. */
  readonly on: Set<Hook>;
  /** What listeners know. */
  told: boolean;
  /** What was said last of its not taking a program. */
  complaint: string;
}

/**
 * The kernel holds the RTNL lock while TCX attaches, so others who plug devices would wait: no moving from the stopgap before
 * there was peace for this time, and then half of the time at most.
 */
const PEACE_MS = 200;

/**
 * Which devices carry our programs. What is wanted is attached at once where that is quick, else one by one in the background,
 * and a device that had a program is never without one in between. Nothing is ever detached because the agent ends.
 */
export class Attachments extends EventEmitter<AttachmentsEvents> {
  readonly #options: AttachmentsOptions;
  readonly #devices: Readonly<Record<Role, Map<number, Device>>> = { entry: new Map(), uplink: new Map() };
  /** To be looked at, in this order: what is quick … */
  readonly #urgent = new Set<Device>();
  /** … what takes time … */
  readonly #slow = new Set<Device>();
  /** … and what is no worse off while it waits. */
  readonly #lazy = new Set<Device>();
  /** Those that somebody else changed, and how, until they are as they should be. */
  readonly #damaged = new Map<Device, AttachmentDifference>();
  /** Tried in vain although they carry a program. */
  readonly #stuck = new Set<Device>();
  /** Why a device carries no program, by role and ifindex. */
  readonly failures = new Map<string, { role: Role; ifindex: number; message: string }>();
  readonly #pause = new WakefulPause();
  readonly #changed: Record<Role, Set<number>> = { entry: new Set(), uplink: new Set() };
  #busy = false;
  /** What takes time is being done with it. */
  #worked: Device | undefined;
  #running: Promise<void> | undefined;
  #lastUrgent = performance.now();
  #closed = false;

  constructor(options: AttachmentsOptions) {
    super();
    this.#options = options;
  }

  /** The one that devices end up with. */
  get hook(): Hook['name'] {
    return this.#options.hook.name;
  }

  /**
   * At start: gives every device that carries a program of an earlier load the new one. They count as wanted until set() says
   * otherwise.
   * @param devices all that exist
   */
  adopt(devices: ReadonlySet<number>): void {
    const { succession } = this.#options;
    if (succession.waits && !this.#anyCarries(devices)) succession.end();
    for (const role of ['entry', 'uplink'] as const) {
      for (const ifindex of this.carriers(role, devices)) {
        const device = this.#device(role, ifindex);
        device.wanted = devices.has(ifindex);
        if (this.#examine(device)) this.#sort(device);
      }
    }
    this.#kick();
  }

  /** Whether any device forwards by programs of an earlier load, also of one whose maps are not known any more. */
  #anyCarries(devices: ReadonlySet<number>): boolean {
    return (['entry', 'uplink'] as const).some(
      (role) =>
        this.carriers(role, devices).size > 0 ||
        this.#hooks.some((hook) =>
          [...devices].some((ifindex) => hook.programAt(role, ifindex) !== undefined),
        ),
    );
  }

  get #hooks(): readonly Hook[] {
    return [this.#options.hook, ...this.#options.others];
  }

  #device(role: Role, ifindex: number): Device {
    let device = this.#devices[role].get(ifindex);
    if (device === undefined) {
      device = { role, ifindex, wanted: false, unsure: true, on: new Set(), told: false, complaint: '' };
      this.#devices[role].set(ifindex, device);
    }
    return device;
  }

  /** These devices shall carry the program, and no others. */
  set(role: Role, wanted: ReadonlySet<number>): void {
    const removed = [...this.#devices[role].keys()].filter((ifindex) => !wanted.has(ifindex));
    const added = [...wanted].filter((ifindex) => this.#devices[role].get(ifindex)?.wanted !== true);
    this.change(role, { added, removed });
  }

  /** A device in both lists is another one of the same number: what was attached to the old one went with it. */
  change(role: Role, { added, removed }: { added: Iterable<number>; removed: Iterable<number> }): void {
    for (const ifindex of removed) {
      const device = this.#devices[role].get(ifindex);
      if (device === undefined) continue;
      device.wanted = false;
      device.unsure = true;
      this.#settle(device);
      this.failures.delete(nameOf(device));
      this.#request(device);
    }
    for (const ifindex of added) {
      const device = this.#device(role, ifindex);
      device.wanted = true;
      this.#request(device);
    }
    this.#kick();
  }

  #request(device: Device): void {
    this.#urgent.add(device);
    this.#lastUrgent = performance.now();
    this.#pause.wake();
  }

  /** Tries again the devices that did not take a program. */
  retry(): void {
    for (const { role, ifindex } of this.failures.values()) this.#urgent.add(this.#device(role, ifindex));
    for (const device of this.#stuck) this.#urgent.add(device);
    this.#stuck.clear();
    this.#kick();
  }

  isAttached(role: Role, ifindex: number): boolean {
    const device = this.#devices[role].get(ifindex);
    return device?.wanted === true && device.on.size > 0;
  }

  /** By which hook a device carries its program now. */
  hookOf(role: Role, ifindex: number): Hook['name'] | undefined {
    const on = this.#devices[role].get(ifindex)?.on;
    return this.#hooks.find((hook) => on?.has(hook))?.name;
  }

  *list(role: Role): Generator<number> {
    for (const { ifindex, on } of this.#devices[role].values()) if (on.size > 0) yield ifindex;
  }

  /** Devices that shall carry a program. */
  *wanted(role: Role): Generator<number> {
    for (const { ifindex, wanted } of this.#devices[role].values()) if (wanted) yield ifindex;
  }

  /** Devices, of those given, that carry a program of ours by any hook, as the kernel says. */
  carriers(role: Role, candidates: Iterable<number>): Set<number> {
    return new Set([...this.askCarriers(role, candidates)].filter((ifindex) => ifindex !== undefined));
  }

  /** carriers(), one device after the other; undefined for one that carries none. */
  *askCarriers(role: Role, candidates: Iterable<number>): Generator<number | undefined> {
    for (const hook of this.#hooks) yield* hook.attached(role, candidates);
  }

  /**
   * What a device carries as the kernel says, if that is not what it should.
   * @returns undefined: it is right, or something is under way there
   */
  difference(role: Role, ifindex: number): AttachmentDifference | undefined {
    const device = this.#devices[role].get(ifindex);
    if (device !== undefined && this.#isPending(device)) return undefined;
    const wanted = device?.wanted === true ? this.#options.programs[role].id : undefined;
    const there = this.#hooks.map((hook) => hook.programAt(role, ifindex)).filter((id) => id !== undefined);
    // While one hook takes over from another there are two.
    const found = there.find((id) => id !== wanted) ?? there[0];
    const place = { where: this.#options.deviceName(ifindex), unit: '', role, ifindex };
    if (wanted !== found)
      return {
        ...place,
        kind: 'attachment',
        key: `${role} program`,
        wanted: programText(wanted),
        found: programText(found),
      };
    if (device === undefined || this.#isIntact(device)) return undefined;
    return { ...place, kind: 'pin', key: `${role} link`, wanted: 'pinned', found: '' };
  }

  #isPending(device: Device): boolean {
    return [this.#urgent, this.#slow, this.#lazy].some((list) => list.has(device)) || device === this.#worked;
  }

  /** Every device there is a program for, or was; once for each role. */
  get known(): KnownDevice[] {
    return [...this.#devices.entry.values(), ...this.#devices.uplink.values()];
  }

  /** Looks whether these still carry what was put there, and puts right where not. Resolves when all were looked at. */
  async lookAgain(known: readonly KnownDevice[]): Promise<void> {
    const slice = new TimeSlice({ milliseconds: 2 });
    for (const { role, ifindex } of known) {
      await slice.breathe();
      if (this.#closed) return;
      const device = this.#devices[role].get(ifindex);
      if (device === undefined || this.#isPending(device) || this.#isIntact(device)) continue;
      const difference = this.difference(role, ifindex);
      if (difference !== undefined) this.mend([difference]);
    }
  }

  /** Puts right what somebody else changed. */
  mend(differences: readonly AttachmentDifference[]): void {
    for (const difference of differences) {
      const device = this.#device(difference.role, difference.ifindex);
      this.#forgive(device);
      // A device that goes takes along what it carried, before anybody here has heard of it.
      if (!this.#options.isThere(difference.ifindex)) continue;
      this.#options.damages.found(difference);
      this.#damaged.set(device, difference);
    }
    this.recheck(differences);
  }

  /** What has become of a device that somebody else had changed. */
  #settle(device: Device, failure = ''): void {
    const difference = this.#damaged.get(device);
    if (difference === undefined) return;
    const { damages } = this.#options;
    const { wanted, on } = device;
    if (wanted !== (difference.wanted !== '')) this.#forgive(device);
    else if (failure !== '') damages.failed(difference, failure);
    // It is on a list still, for what takes time.
    else if (wanted !== on.size > 0) return;
    else if (!this.#isIntact(device)) damages.failed(difference, 'it does not stay, or cannot be pinned');
    else {
      damages.repaired(difference);
      this.#damaged.delete(device);
    }
  }

  /** What somebody else did there is none of ours any more. */
  #forgive(device: Device): void {
    const difference = this.#damaged.get(device);
    if (difference === undefined) return;
    this.#damaged.delete(device);
    this.#options.damages.forget(difference);
  }

  #isIntact({ role, ifindex, wanted, on }: Device): boolean {
    // What is not wanted, or in vain, is tried again by others.
    if (!wanted || on.size === 0) return true;
    try {
      return [...on].every((hook) => hook.intact(role, ifindex, this.#options.programs[role]));
    } catch {
      return false;
    }
  }

  /** Asks the kernel anew what these carry, and puts right what is not as it should be. */
  recheck(known: readonly KnownDevice[]): void {
    for (const { role, ifindex } of known) {
      const device = this.#devices[role].get(ifindex);
      if (device === undefined) continue;
      device.unsure = true;
      this.#urgent.add(device);
    }
    this.#kick();
  }

  /** Resolves when everything is as wanted, or in vain. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Resolves when nothing is under way any more; what still waits is left to the next agent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pause.wake();
    await this.#running;
    for (const hook of this.#hooks) hook.close();
  }

  #kick(): void {
    if (this.#busy) return;
    this.#busy = true;
    // In one go as far as it is quick.
    this.#running = this.#run().finally(() => {
      this.#busy = false;
      this.#running = undefined;
      if (!this.#closed && this.#urgent.size + this.#slow.size + this.#lazy.size > 0) this.#kick();
    });
  }

  async #run(): Promise<void> {
    const slice = new TimeSlice();
    while (!this.#closed) {
      const urgent = take(this.#urgent);
      if (urgent !== undefined) {
        this.#quick(urgent);
        if (!slice.over) continue;
        this.#announce();
        await slice.turn();
        continue;
      }
      this.#announce();
      // Listeners may have asked for more.
      if (this.#urgent.size > 0) continue;
      const slow = take(this.#slow) ?? (await this.#lazyOne());
      if (slow !== undefined) await this.#work(slow);
      else if (this.#urgent.size + this.#slow.size + this.#lazy.size === 0) return;
    }
  }

  /** @returns undefined when there is none, or something else came first */
  async #lazyOne(): Promise<Device | undefined> {
    if (this.#lazy.size === 0) return undefined;
    const peaceful = await this.#pause.sleep(this.#lastUrgent + PEACE_MS - performance.now());
    return peaceful ? take(this.#lazy) : undefined;
  }

  /** Does what takes microseconds, and puts the device on the list for the rest. */
  #quick(device: Device): void {
    const { role, ifindex, on } = device;
    const { hook, stopgap, programs } = this.#options;
    if (device.unsure && !this.#examine(device)) return;
    const first = hook.quick ? hook : stopgap;
    if (device.wanted && on.size === 0 && first !== undefined && (first === hook || role === 'entry')) {
      try {
        void first.attach(role, ifindex, programs[role]);
        this.#succeed(device, first);
      } catch (error) {
        // With a stopgap the hook in use is still to be tried.
        if (first === hook) {
          this.#fail(device, error);
          return;
        }
      }
    }
    this.#sort(device);
  }

  /**
   * Asks the kernel what a device carries, and makes that the present program.
   * @returns false when the device cannot take it: retry() tries again
   */
  #examine(device: Device): boolean {
    const { role, ifindex, on } = device;
    device.unsure = false;
    on.clear();
    for (const hook of this.#hooks) {
      try {
        if (hook.replace(role, ifindex, this.#options.programs[role])) on.add(hook);
      } catch (error) {
        if (!device.wanted || hook !== this.#options.hook) continue;
        this.#fail(device, error);
        return false;
      }
    }
    return true;
  }

  /** What takes time, for one device. */
  async #work(device: Device): Promise<void> {
    const { role, ifindex, on } = device;
    const { hook, others, programs } = this.#options;
    const started = performance.now();
    const lazy = device.wanted && on.size > 0;
    this.#worked = device;
    try {
      if (device.wanted && !on.has(hook)) {
        await hook.attach(role, ifindex, programs[role]);
        this.#succeed(device, hook);
      }
      for (const other of [...on]) {
        // It may have become unwanted meanwhile, or wanted again.
        if (device.wanted && (other === hook || !on.has(hook))) continue;
        on.delete(other);
        await other.release(role, ifindex, device.wanted);
      }
      // What they left while it forwarded.
      if (!device.wanted) for (const other of others) await other.release(role, ifindex);
      // The device may have gone meanwhile, and another one come.
      if (!this.#urgent.has(device)) this.#sort(device);
    } catch (error) {
      this.#fail(device, error);
    }
    this.#worked = undefined;
    if (lazy) await this.#pause.sleep(performance.now() - started);
  }

  #succeed(device: Device, hook: Hook): void {
    device.on.add(hook);
    this.failures.delete(nameOf(device));
    if (hook === this.#options.hook) device.complaint = '';
  }

  /** On which list a device belongs now. */
  #sort(device: Device): void {
    const { on, wanted } = device;
    this.#note(device);
    this.#settle(device);
    for (const list of [this.#slow, this.#lazy]) list.delete(device);
    if (wanted && on.size === 1 && on.has(this.#options.hook)) return;
    // What it carries knows maps that are filled, what would take its place does not yet.
    if (wanted && on.size > 0 && this.#options.succession.waits) return;
    if (wanted || on.size > 0) (wanted && on.size > 0 ? this.#lazy : this.#slow).add(device);
    else this.#devices[device.role].delete(device.ifindex);
  }

  #note(device: Device): void {
    const carries = device.wanted && device.on.size > 0;
    if (carries === device.told) return;
    device.told = carries;
    this.#changed[device.role].add(device.ifindex);
  }

  #announce(): void {
    for (const role of ['entry', 'uplink'] as const) {
      const ifindexes = [...this.#changed[role]];
      this.#changed[role].clear();
      if (ifindexes.length > 0) this.emit('changed', role, ifindexes);
    }
  }

  /** The device is on no list now: retry() puts it on one. */
  #fail(device: Device, error: unknown): void {
    const { role, ifindex, wanted, on } = device;
    const { message } = error as Error;
    // What it carries may be different from what was thought.
    device.unsure = true;
    if (!wanted || on.size > 0) this.#stuck.add(device);
    else this.failures.set(nameOf(device), { role, ifindex, message });
    this.#note(device);
    // A device that has just gone is no news: who wanted it will say so.
    const gone = error instanceof BpfError && error.code === 'ENODEV';
    if (gone) this.#forgive(device);
    else this.#settle(device, message);
    if (device.complaint !== message && !gone)
      this.#options.log.warn({ role, ifindex, error: message }, 'a device does not take the program');
    device.complaint = message;
  }
}

function programText(id: number | undefined): string {
  return id === undefined ? '' : `program ${id}`;
}

function nameOf({ role, ifindex }: Device): string {
  return `${role} ${ifindex}`;
}

function take<T>(set: Set<T>): T | undefined {
  for (const item of set) {
    set.delete(item);
    return item;
  }
  return undefined;
}
