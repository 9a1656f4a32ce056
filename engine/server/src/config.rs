impl Config {
    /// The defaults of `check` and `explain`.
    pub fn plain() -> Config {
        Config {
            shards: None,
            cores: None,
            oversubscribe: false,
            backend: BackendKind::Auto,
            limits: Limits::default(),
            ordered: false,
            quiet: true,
            stats_json: false,
            output: Output::Print,
        }
    }
}
