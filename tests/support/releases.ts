/** The HAProxy releases that the lab has images of: Debian 12's and Debian 13's. */
export const releases = ["2.6", "3.0"] as const;
