/** Words that every call of apt-get starts with: quiet, patient, and changing no more than it must. */
export const apt = [
  "apt-get",
  "-q",
  "-y",
  "-o",
  "DPkg::Lock::Timeout=600",
  "-o",
  "APT::Keep-Downloaded-Packages=false",
  // else apt upgrades what only shares its source with a package that is installed
  "-o",
  "APT::Get::Upgrade-By-Source-Package=false",
  "-o",
  "Dpkg::Options::=--force-confold",
  "-o",
  "Dpkg::Options::=--force-confdef",
];

/** Installs without taking anything away. */
export const aptInstall = [...apt, "install", "--no-install-recommends", "--no-remove"];

export const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" } };
