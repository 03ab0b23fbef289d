"""Pure judgement: a history and a contract go in, a verdict with its proof comes out."""
