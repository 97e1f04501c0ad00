import chalk from "chalk";

/** Colours for text that people read. */
export const style = {
  bold: (text: string): string => chalk.bold(text),
  dim: (text: string): string => chalk.dim(text),
  red: (text: string): string => chalk.red(text),
  green: (text: string): string => chalk.green(text),
  yellow: (text: string): string => chalk.yellow(text),
  cyan: (text: string): string => chalk.cyan(text),
};
