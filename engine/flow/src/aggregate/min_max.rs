//! MIN and MAX. Without retraction one value per group; with it an ordered multiset per group, whose
//! weights may be negative for a moment, because a delete can overtake its insert between shards.

use std::collections::BTreeMap;
use std::hint::select_unpredictable;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt64Type,
};
use millrace_plan::{AggregateCall, Result};

use super::encoding::{ValueEncoding, number_list_type, number_lists, value_list_type, value_lists};
use super::{AggregateFunction, Aggregator, Evaluated, Orders, Update, argument, column};

/// MIN.
pub static MIN: AggregateFunction = AggregateFunction {
    name: "min",
    ignores_distinct: true,
    create: |call, retracting| create::<false>(call, retracting),
};

/// MAX.
pub static MAX: AggregateFunction = AggregateFunction {
    name: "max",
    ignores_distinct: true,
    create: |call, retracting| create::<true>(call, retracting),
};

fn create<const MAX: bool>(call: &AggregateCall, retracting: bool) -> Result<Box<dyn Aggregator>> {
    let data_type = argument(call)?;
    if retracting {
        return Ok(Box::new(Multiset::<MAX> { encoding: ValueEncoding::new(data_type)?, groups: vec![] }));
    }
    macro_rules! primitive {
        ($type:ty) => {
            Box::new(Extreme::<$type, MAX> { ranks: vec![], has_value: vec![], data_type: data_type.clone() })
        };
    }
    Ok(match data_type {
        DataType::Int8 => primitive!(Int8Type),
        DataType::Int16 => primitive!(Int16Type),
        DataType::Int32 => primitive!(Int32Type),
        DataType::Int64 => primitive!(Int64Type),
        DataType::UInt8 => primitive!(UInt8Type),
        DataType::UInt64 => primitive!(UInt64Type),
        DataType::Float32 => primitive!(Float32Type),
        DataType::Float64 => primitive!(Float64Type),
        DataType::Date32 => primitive!(Date32Type),
        DataType::Time32(TimeUnit::Millisecond) => primitive!(Time32MillisecondType),
        DataType::Timestamp(TimeUnit::Second, _) => primitive!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive!(TimestampNanosecondType),
        DataType::Decimal128(..) => primitive!(Decimal128Type),
        _ => Box::new(Encoded::<MAX> { encoding: ValueEncoding::new(data_type)?, values: vec![] }),
    })
}

/// A number as an integer of the same order, so that the better of two is picked without a branch:
/// which one it is cannot be guessed.
trait Ordered: Copy {
    type Rank: Copy + Ord;
    const LEAST: Self::Rank;
    const GREATEST: Self::Rank;
    fn rank(self) -> Self::Rank;
    fn of(rank: Self::Rank) -> Self;
}

macro_rules! ordered {
    ($($integer:ty)*) => {$(
        impl Ordered for $integer {
            type Rank = $integer;
            const LEAST: $integer = <$integer>::MIN;
            const GREATEST: $integer = <$integer>::MAX;
            #[inline(always)]
            fn rank(self) -> $integer {
                self
            }
            #[inline(always)]
            fn of(rank: $integer) -> $integer {
                rank
            }
        }
    )*};
    ($($float:ty: $integer:ty),*) => {$(
        impl Ordered for $float {
            type Rank = $integer;
            const LEAST: $integer = <$integer>::MIN;
            const GREATEST: $integer = <$integer>::MAX;
            /// The order of IEEE 754 totalOrder: the bits of a negative number count backwards.
            #[inline(always)]
            fn rank(self) -> $integer {
                let bits = self.to_bits() as $integer;
                bits ^ ((bits >> (<$integer>::BITS - 1)) & <$integer>::MAX)
            }
            #[inline(always)]
            fn of(rank: $integer) -> $float {
                let bits = rank ^ ((rank >> (<$integer>::BITS - 1)) & <$integer>::MAX);
                <$float>::from_bits(bits as _)
            }
        }
    )*};
}

ordered!(i8 i16 i32 i64 i128 u8 u64);
ordered!(f32: i32, f64: i64);

/// The extreme of fixed-width values. A group without a value holds the one that every other one beats.
struct Extreme<T: ArrowPrimitiveType<Native: Ordered>, const MAX: bool> {
    ranks: Vec<<T::Native as Ordered>::Rank>,
    has_value: Vec<bool>,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType<Native: Ordered>, const MAX: bool> Aggregator for Extreme<T, MAX> {
    fn resize(&mut self, groups: usize) {
        self.ranks.resize(groups, if MAX { T::Native::LEAST } else { T::Native::GREATEST });
        self.has_value.resize(groups, false);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let values = update.args[0].as_primitive::<T>().values();
        let (ranks, has_value) = (self.ranks.as_mut_slice(), self.has_value.as_mut_slice());
        let mut add = |group: usize, value: T::Native| {
            let (own, rank) = (&mut ranks[group], value.rank());
            let better = if MAX { rank > *own } else { rank < *own };
            *own = select_unpredictable(better, rank, *own);
            has_value[group] = true;
        };
        match update.is_plain() {
            true => update.groups.iter().zip(values).for_each(|(group, value)| add(*group as usize, *value)),
            false => update.for_each(|row, group, _| add(group, values[row])),
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(&Update { groups, args: state, filter: None, weights: None, orders: Orders::From(0) })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(groups)?.values])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let value = |group: usize| self.has_value[group].then(|| T::Native::of(self.ranks[group]));
        let array: PrimitiveArray<T> = column(groups, value);
        Ok(Evaluated::of(Arc::new(array.with_data_type(self.data_type.clone()))))
    }

    fn clear(&mut self) {
        self.ranks.clear();
        self.has_value.clear();
    }

    fn bytes(&self) -> usize {
        self.ranks.capacity() * size_of::<T::Native>() + self.has_value.capacity()
    }
}

/// The extreme of other values, encoded.
struct Encoded<const MAX: bool> {
    encoding: ValueEncoding,
    values: Vec<Option<Box<[u8]>>>,
}

impl<const MAX: bool> Aggregator for Encoded<MAX> {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, None);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let rows = self.encoding.encode(&update.args[0])?;
        update.for_each(|row, group, _| {
            let value = rows.row(row);
            let value = value.as_ref();
            let better = match &self.values[group] {
                None => true,
                Some(own) if MAX => value > &own[..],
                Some(own) => value < &own[..],
            };
            if better {
                self.values[group] = Some(value.into());
            }
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(&Update { groups, args: state, filter: None, weights: None, orders: Orders::From(0) })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(groups)?.values])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![self.encoding.data_type().clone()]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let values = groups.iter().map(|group| self.values[*group as usize].as_deref());
        Ok(Evaluated::of(self.encoding.decode(values)?))
    }

    fn clear(&mut self) {
        self.values.clear();
    }

    fn bytes(&self) -> usize {
        let values: usize = self.values.iter().flatten().map(|value| value.len()).sum();
        values + self.values.capacity() * size_of::<Option<Box<[u8]>>>()
    }
}

/// All values of each group with their weights.
struct Multiset<const MAX: bool> {
    encoding: ValueEncoding,
    groups: Vec<BTreeMap<Box<[u8]>, i64>>,
}

impl<const MAX: bool> Multiset<MAX> {
    fn add(&mut self, group: usize, value: &[u8], weight: i64) {
        let values = &mut self.groups[group];
        match values.get_mut(value) {
            Some(own) => {
                *own += weight;
                if *own == 0 {
                    values.remove(value);
                }
            }
            None => {
                values.insert(value.into(), weight);
            }
        }
    }
}

impl<const MAX: bool> Aggregator for Multiset<MAX> {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, BTreeMap::new());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let rows = self.encoding.encode(&update.args[0])?;
        update.for_each(|row, group, weight| self.add(group, rows.row(row).as_ref(), weight));
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (values, weights) = (state[0].as_list::<i32>(), state[1].as_list::<i32>());
        let (bytes, numbers) =
            (values.values().as_binary::<i32>(), weights.values().as_primitive::<Int64Type>());
        for (row, group) in groups.iter().enumerate() {
            let range = values.value_offsets()[row] as usize..values.value_offsets()[row + 1] as usize;
            for item in range {
                self.add(*group as usize, bytes.value(item), numbers.value(item));
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| &self.groups[*group as usize]);
        Ok(vec![
            value_lists(picked().map(|own| own.keys().map(|key| &key[..]).collect())),
            number_lists::<Int64Type>(picked().map(|own| own.values().copied().collect())),
        ])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![value_list_type(), number_list_type::<Int64Type>()]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let extreme = |group: &u32| {
            let mut present = self.groups[*group as usize].iter().filter(|(_, weight)| **weight > 0);
            let found = if MAX { present.next_back() } else { present.next() };
            found.map(|(value, _)| &value[..])
        };
        Ok(Evaluated::of(self.encoding.decode(groups.iter().map(extreme))?))
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn bytes(&self) -> usize {
        const ENTRY: usize = 64;
        let entries: usize = self.groups.iter().map(|own| own.len() * ENTRY).sum();
        entries + self.groups.capacity() * size_of::<BTreeMap<Box<[u8]>, i64>>()
    }
}
