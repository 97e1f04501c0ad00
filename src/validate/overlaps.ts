import type { Listener } from "./listeners.ts";

/** A listener, and an earlier one that has the same place, or a part of it. */
export interface Overlap {
  readonly listener: Listener;
  readonly earlier: Listener;
}

/**
 * Pairs that would share traffic silently: HAProxy binds with SO_REUSEPORT, so that the kernel lets two sections have
 * one address, and a wildcard covers each address of its family. Pure; lines under a condition are passed over.
 */
export function findOverlaps(listeners: readonly Listener[]): Overlap[] {
  const certain = listeners.filter(({ conditional }) => !conditional);
  return certain.flatMap((listener, index): Overlap[] => {
    const earlier = certain.slice(0, index).find((other) => overlap(listener, other));
    return earlier ? [{ listener, earlier }] : [];
  });
}

function overlap(a: Listener, b: Listener): boolean {
  return (
    a.protocol === b.protocol &&
    a.firstPort <= b.lastPort &&
    b.firstPort <= a.lastPort &&
    a.namespace === b.namespace &&
    (a.device === null || b.device === null || a.device === b.device) &&
    !(a.owner === b.owner && a.isShared && b.isShared) &&
    sharesAddress(a, b)
  );
}

function sharesAddress(a: Listener, b: Listener): boolean {
  if (a.address === null || b.address === null) return a.shown === b.shown;
  if (a.family !== b.family) return a.isDual || b.isDual;
  return a.address === b.address || a.isWildcard || b.isWildcard;
}
