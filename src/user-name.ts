import { userInfo } from "node:os";

/** Who runs lbctl. In a container the user may have a number and no name: then what the environment says, if it does. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return process.env.LOGNAME ?? process.env.USER;
  }
}
