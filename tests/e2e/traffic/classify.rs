//! A simple classifier over what shows of traffic: how many frames, and how large.

/// How many neighbours vote.
const NEIGHBOURS: usize = 9;
const FOLDS: usize = 10;

/// The features of some frames that were seen together. No time is among them.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    volume: usize,
    features: Vec<f64>,
}

impl Sample {
    pub(super) fn of(sizes: &[usize]) -> Self {
        let mut sorted = sizes.to_vec();
        sorted.sort_unstable();
        let volume: usize = sizes.iter().sum();
        let mean = volume as f64 / sizes.len() as f64;
        let spread = sizes.iter().map(|size| (*size as f64 - mean).powi(2)).sum::<f64>().sqrt();
        let steps = sorted.windows(2).map(|pair| (pair[1] - pair[0]) as f64);
        let mut features = vec![sizes.len() as f64, volume as f64, spread];
        features.extend(sorted.iter().map(|size| *size as f64));
        features.extend(sizes.iter().map(|size| *size as f64));
        features.extend(steps);
        features.extend([16, 32, 64, 128].map(|unit| (volume % unit) as f64));
        Self { volume, features }
    }

    fn distance(&self, other: &Self, scale: &[f64]) -> f64 {
        let pairs = self.features.iter().zip(&other.features).zip(scale);
        pairs.map(|((a, b), scale)| ((a - b) * scale).powi(2)).sum()
    }
}

/// As many of either kind as have the same volume as one of the other, in turn: `true` for the second kind.
pub(super) fn matched(one: Vec<Sample>, mut many: Vec<Sample>) -> Vec<(Sample, bool)> {
    let mut pairs = Vec::new();
    for sample in one {
        if let Some(place) = many.iter().position(|other| other.volume == sample.volume) {
            pairs.extend([(sample, false), (many.swap_remove(place), true)]);
        }
    }
    pairs
}

/// How often it is right about samples that it has not learned from: the better of neighbours and of a threshold on the best
/// feature, each over ten folds.
pub(super) fn accuracy(samples: &[(Sample, bool)]) -> f64 {
    let scale = scale(samples);
    let mut right = [0, 0];
    for fold in 0..FOLDS {
        // Pairs stay together: what is learned from has as many of either kind.
        let is_test = |n: usize| n / 2 % FOLDS == fold;
        let split = |test| samples.iter().enumerate().filter(move |(n, _)| is_test(*n) == test);
        let train: Vec<_> = split(false).map(|(_, sample)| sample).collect();
        let rule = Threshold::learn(&train);
        for (_, (sample, kind)) in split(true) {
            right[0] += usize::from(neighbours(sample, &train, &scale) == *kind);
            right[1] += usize::from(rule.tells(sample) == *kind);
        }
    }
    right.into_iter().max().unwrap_or_default() as f64 / samples.len() as f64
}

/// One over the spread of each feature.
fn scale(samples: &[(Sample, bool)]) -> Vec<f64> {
    let count = samples.len() as f64;
    let width = samples[0].0.features.len();
    let of = |feature: usize| {
        let values = || samples.iter().map(move |(sample, _)| sample.features[feature]);
        let mean = values().sum::<f64>() / count;
        let spread = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        if spread > 0.0 { 1.0 / spread } else { 0.0 }
    };
    (0..width).map(of).collect()
}

fn neighbours(sample: &Sample, train: &[&(Sample, bool)], scale: &[f64]) -> bool {
    let mut near: Vec<(f64, bool)> =
        train.iter().map(|(other, kind)| (sample.distance(other, scale), *kind)).collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let votes = near.iter().take(NEIGHBOURS).filter(|(_, kind)| *kind).count();
    2 * votes > NEIGHBOURS
}

/// The second kind lies above a value of one feature, or below it.
struct Threshold {
    feature: usize,
    value: f64,
    above: bool,
}

impl Threshold {
    fn learn(train: &[&(Sample, bool)]) -> Self {
        let width = train[0].0.features.len();
        let rules = (0..width).flat_map(|feature| {
            let values = train.iter().step_by(4).map(move |(sample, _)| sample.features[feature]);
            values.flat_map(move |value| [true, false].map(|above| Self { feature, value, above }))
        });
        let score = |rule: &Self| train.iter().filter(|(s, kind)| rule.tells(s) == *kind).count();
        rules.max_by_key(score).unwrap()
    }

    fn tells(&self, sample: &Sample) -> bool {
        (sample.features[self.feature] > self.value) == self.above
    }
}
